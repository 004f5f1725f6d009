/**
 * Branches that no world reaches, by file, by the reason. `npm run sim:coverage` prints the reasons, and fails where a branch is
 * listed and reached, or neither; its `--gaps` prints the names as they stand here.
 */
export const UNREACHED = {
  'runtime/device/device.ts': {
    'not come about in these worlds yet': ['recordOf: not if (!record || record.thingName === thingName)'],
  },
  'runtime/device/guest.ts': {
    'not come about in these worlds yet': ['toRunner: not if (effect.do !== "refreshed")'],
  },
  'runtime/device/jobsOverHttps.ts': {
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'encodeHttpsRequest: /^\\$aws\\/things\\/([^/]+)\\/jobs\\/([^/]+)\\/(get|update)$/.exec ?? []',
    ],
    'not come about in these worlds yet': ['encodeHttpsRequest: if (!level)', 'parsed: catch'],
  },
  'runtime/device/mqttOverHttps.ts': {
    'not come about in these worlds yet': [
      'stepHttpsWay: not if (event.id === way.looking)',
      'stepHttpsWay: not if (event.id === way.asking || event.id === way.looking)',
      'stepHttpsWay: not if (now >= way.lookAt)',
      'look: if (way.looking)',
    ],
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'takeBytes: catch',
      'takeBytes: if (!(error instanceof ProtocolError))',
      'takeBytes: not if (!(error instanceof ProtocolError))',
      'take: decodeObject(payload) ?? {}',
    ],
  },
  'runtime/device/slots.ts': {
    'a bound that takes hundreds or thousands of jobs, things, messages or bytes: unit tests go there': [
      'encodeSlot: if (record.length > RECORD_BYTES_MAX)',
    ],
  },
  'runtime/jobs/document.ts': {
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'parseDocument: not if (error instanceof ProtocolError)',
    ],
  },
  'runtime/jobs/execution.ts': {
    'a switch of ours that is off; the table of moves, which the worlds check, does not have it': [
      'mayMove: if (allowRejectFromInProgress && from === "IN_PROGRESS" && by ==)',
      'mayMove: allowRejectFromInProgress && from === "IN_PROGRESS" && by == && to === "REJECTED"',
      'mayMove: allowRejectFromInProgress && from === "IN_PROGRESS" && by === "device"',
      'mayMove: allowRejectFromInProgress && from === "IN_PROGRESS"',
    ],
  },
  'runtime/jobs/operations.ts': {
    'not come about in these worlds yet': ['shortened: text.length > ERROR_CHARS_MAX : text'],
  },
  'runtime/jobs/runner/answer.ts': {
    'not come about in these worlds yet': ['accepted: jobDocument === void 0 ? document'],
    'only where the lean agent is built without that part (targets/sbc/partList.mjs)': [
      'described: not if (WITH_GUARDS)',
    ],
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'isOurs: outcome.statusDetails ?? {}',
    ],
  },
  'runtime/jobs/runner/guards.ts': {
    'not come about in these worlds yet': ['awaitsRestart: ended.code === 0 || ended.signal'],
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'refreshed: typeof document === "string" ? void 0',
    ],
    'a second line of defence: what comes before it lets nothing through': [
      'mayStart: if (repeating && !document.steps[step].idempotent)',
    ],
    'only where the lean agent is built without that part (targets/sbc/partList.mjs)': [
      'kept: WITH_CUSTOM : { cleanUp }',
      'resetGuards: not if (WITH_CUSTOM)',
    ],
  },
  'runtime/jobs/runner/outcome.ts': {
    'only where the lean agent is built without that part (targets/sbc/partList.mjs)': [
      'finalDetails: WITH_CUSTOM : {}',
    ],
  },
  'runtime/jobs/runner/runner.ts': {
    'only where the lean agent is built without that part (targets/sbc/partList.mjs)': [
      'createRunner: WITH_GUARDS : runner',
      'stepRunner: not if (WITH_GUARDS)',
      'runnerWakeAt: WITH_GUARDS : wakeAt',
    ],
  },
  'runtime/jobs/runner/work.ts': {
    'not come about in these worlds yet': [
      'setVersion: not if (runner.job)',
      'output: if (run !== runner.run)',
      'exited: if (event.run !== runner.run)',
    ],
    'only where the lean agent is built without that part (targets/sbc/partList.mjs)': [
      'start: WITH_GUARDS : phase',
      'launch: not if (WITH_GUARDS)',
      'launch: WITH_GUARDS : document.steps[step]',
      'launch: WITH_GUARDS : effect',
      'exited: not if (WITH_GUARDS)',
      'exited: WITH_GUARDS : event',
      'park: WITH_GUARDS : phase',
      'forget: not if (WITH_GUARDS)',
    ],
  },
  'runtime/jobs/topics.ts': {
    'not come about in these worlds yet': ['formatRequestTopic: operation === "UpdateJobExecution" : "get"'],
  },
  'runtime/mqtt/arriving.ts': {
    'not come about in these worlds yet': ['take: if (!isConnected(client))'],
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'take: if (!(error instanceof ProtocolError))',
    ],
  },
  'runtime/mqtt/bytes.ts': {
    'not come about in these worlds yet': ['joined: if (parts.length === 1)'],
  },
  'runtime/mqtt/client.ts': {
    'not come about in these worlds yet': [
      'stepClient: not if (at === "stopped")',
      'stepClient: not if (at === "opening")',
      'stepClient: not if (at === "opening" || isConnected(client))',
      'publish: not if (client.at === "online")',
    ],
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'stepClient: event.reason ?? "connection closed"',
    ],
    'a bound that takes hundreds or thousands of jobs, things, messages or bytes: unit tests go there': [
      'publish: if (held.length >= HELD_MESSAGES_MAX || heldBytes > HELD_BYTES_M)',
      'nextPacketIdentifier: next === 65535 ? SUBSCRIBES_MAX + 1',
    ],
  },
  'runtime/mqtt/connection.ts': {
    'not come about in these worlds yet': [
      'wake: at === "opening" ? "connection"',
      'pingAt: options.keepAliveSeconds * 1e3 || Infinity',
    ],
  },
  'runtime/serial/bus.ts': {
    'not come about in these worlds yet': ['heard: asked && now >= asked.until : bus'],
    'a bound that takes hundreds or thousands of jobs, things, messages or bytes: unit tests go there': [
      'queued: queue.length < BUS_QUEUE_MAX : queue',
    ],
  },
  'runtime/serial/commandTask.ts': {
    'not come about in these worlds yet': [
      'stepCommand: if (task.ended)',
      'ask: if (stopping)',
      'ask: if (device === void 0)',
      'ask: if (size > device.frameBytesMax)',
      'running: progress === void 0 ? {}',
      'wake: if (now < task.wakeAt)',
      'wake: task.asked === void 0 : [task, []]',
    ],
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'reply: if (!(error instanceof ProtocolError))',
    ],
  },
  'runtime/serial/flashTask.ts': {
    'for devices that verify an image when they are to switch to it: the library has by then': [
      'verified: if (state === "running")',
      'wake: if (task.at === "switching")',
    ],
    'not come about in these worlds yet': [
      'stepFlash: if (task.ended)',
      'decide: event.id === task.asked : [task, []] (2)',
      'up: if (task.at === "confirming")',
      'reply: if (!task.isUp && (task.at === "announcing" || task.at === "pull)',
      'reply: !task.isUp && task.at === "announcing" || ta',
      'reply: task.at === "announcing" || task.at === "pulling"',
      'verified: if (task.slot !== 0)',
      'wake: if (now < task.wakeAt)',
      'wake: if (task.asked !== void 0 || !task.isUp)',
      'wake: task.at === "pulling" : announce(task)',
    ],
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'stepFlash: if (!(error instanceof ProtocolError))',
      'pulled: device?.frameBytesMax ?? 0',
    ],
  },
  'runtime/serial/frame.ts': {
    'a bound that takes hundreds or thousands of jobs, things, messages or bytes: unit tests go there': [
      'encodeFrame: if (size > FRAME_BYTES_MAX)',
    ],
  },
  'runtime/serial/jobs.ts': {
    'not come about in these worlds yet': ['askingMap: asking.args.length > 0 : void 0'],
  },
  'runtime/serial/link.ts': {
    'not come about in these worlds yet': [
      'createLink: of.baud === void 0 ? 0',
      'decide: frame.type === "REQUEST" : [link, []]',
      'hello: known?.device.bootId === device.bootId ? [link, []]',
      'meet: if (same && link.deafRounds >= DEAF_ROUNDS_MAX)',
      'meet: known?.device.bootId === device.bootId ? "the device spoke with another',
      'fill: if (size > device.frameBytesMax)',
      'fill: not if (flights.length > 0)',
      'data: if (size > device.frameBytesMax)',
      'wake: not if (phase.at === "up" && phase.resendAt !== void 0 && now >= pha)',
      'resend: if (link.phase.at !== "up")',
    ],
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'hello: if (!answered || !(error instanceof ProtocolError))',
    ],
    'a bound that takes hundreds or thousands of jobs, things, messages or bytes: unit tests go there': [
      'request: if (link.waiting.length === WAITING_REQUESTS_MAX)',
    ],
  },
  'runtime/serial/pull.ts': {
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'decodeBlock: if (!(bytes instanceof Uint8Array))',
    ],
  },
  'runtime/serial/splitter.ts': {
    'not come about in these worlds yet': ['endPiece: if (isText(piece))'],
  },
  'targets/service/jobs/control/createJob.ts': {
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'createJob: schedule.next_tick ?? schedule.alarm ?? void 0',
    ],
  },
  'targets/service/jobs/control/executions.ts': {
    'not come about in these worlds yet': ['changeExecution: if (written.length === 0)'],
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'listJobExecutionsForJob: row.thing_name ?? row.gone_name ?? ""',
    ],
  },
  'targets/service/jobs/cron.ts': {
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'parseCron: not if (error instanceof Fault)',
    ],
  },
  'targets/service/jobs/decide.ts': {
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'startNext: if (typeof started === "string")',
    ],
  },
  'targets/service/jobs/delivery.ts': {
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'fill: job?.config ?? "{}"',
    ],
  },
  'targets/service/jobs/events.ts': {
    'not come about in these worlds yet': ['send: not if (!running)', 'drain: catch'],
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'payloadOf: thing_name ?? ""',
    ],
  },
  'targets/service/jobs/jobTick.ts': {
    'not come about in these worlds yet': [
      'tickJob: if (job === void 0)',
      'tickJob: not if (wasDue && job.next_tick === null)',
    ],
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'changeAll: typeof after === "string" ? []',
      'canceled: not if (typeof after !== "string")',
    ],
    'a bound that takes hundreds or thousands of jobs, things, messages or bytes: unit tests go there': [
      'rollOut: bucket.tokens >= 1 ? clock.now()',
      'cancelSome: isLast : nowMillis',
      'deleteSome: not if (isLast)',
    ],
  },
  'targets/service/jobs/membership.ts': {
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'leaveJob: if (typeof after === "string")',
    ],
    'a bound that takes hundreds or thousands of jobs, things, messages or bytes: unit tests go there': [
      'groupDeleted: not if (page.length < CHANGE_CHUNK_MAX)',
    ],
  },
  'targets/service/jobs/notifications.ts': {
    'not come about in these worlds yet': ['drain: catch'],
  },
  'targets/service/jobs/placeholders.ts': {
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'substituteIn: partsOf(text) ?? [text]',
      'readUpload: /^https?:\\/\\/(?:s[.-][^/]*\\/[^/]*|[^/]*)/.exec(url)?.[0] ?? ""',
    ],
  },
  'targets/service/jobs/requests.ts': {
    'not come about in these worlds yet': [
      'refuse: executionState && { executionState }',
      'runRound: not if (decision.change === void 0 || written.has(decision.change))',
    ],
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'sign: given.jobDocument ?? {}',
    ],
  },
  'targets/service/jobs/retention.ts': {
    'a bound that takes hundreds or thousands of jobs, things, messages or bytes: unit tests go there': [
      'forget: not if (ended.length < CHANGE_CHUNK_MAX)',
    ],
  },
  'targets/service/jobs/schedule.ts': {
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'readSchedule: if (typeof cron === "string")',
    ],
    'not come about in these worlds yet': ['nextOpening: openings.length === 0 ? void 0'],
  },
  'targets/service/jobs/scheduleTick.ts': {
    'a bound that takes hundreds or thousands of jobs, things, messages or bytes: unit tests go there': [
      'reveal: things.length < REVEAL_CHUNK_MAX || last === void 0',
      'reveal: isLast : JSON.stringify(last)',
      'reveal: if (!isLast)',
    ],
  },
  'targets/service/jobs/service.ts': {
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': [
      'wake: call { }',
      'createJobsService: options.isShared ?? false',
      'tick: call { }',
      'close: call { closed = true; await underway.settled(',
    ],
  },
  'targets/service/jobs/storedExecution.ts': {
    'not come about in these worlds yet': [
      'byQueueOrder: rank(b.status) - rank(a.status) || a.queuedAtMillis - b.queu || a.executionNumber - b.executio',
    ],
  },
  'targets/service/jobs/tick.ts': {
    'not come about in these worlds yet': [
      'tick: isShared && next !== void 0 && next <= clock.now() ? clock.now() + TAKEN_AGAIN_MILL',
      'tickJobs: if (mine === 0)',
      'fold: if (mine < jobs.length)',
    ],
    'a bound that takes hundreds or thousands of jobs, things, messages or bytes: unit tests go there': [
      'timeOut: not if (due.length < CHANGE_CHUNK_MAX)',
      'fold: not if (jobs.length < TICK_ROUNDS_MAX || mine === 0)',
      'fold: jobs.length < TICK_ROUNDS_MAX || mine === 0',
    ],
    'our own mistake, or a default that the types ask for: nothing of a peer leads there': ['tickOne: things ?? []'],
  },
};
