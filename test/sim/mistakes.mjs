/** `npm run sim:mistakes`: see --help. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runBridges } from './bridges/start.mjs';
import { bundleSim } from './bundle.mjs';
import { readOptions, wholeOf } from './options.mjs';
import { runSerial } from './serial/start.mjs';

const HELP = `Plants mistakes into the product, one at a time, and runs worlds until one of them notices.

  npm run sim:mistakes -- [--seeds N] [--only TEXT] [--jobs N]

  --seeds N    at most, for each (1500)
  --only TEXT  mistakes whose name contains it
  --jobs N     how many at a time (1)

Exit code 0: each was noticed; 1: one got away; 2: wrong arguments.
`;

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const folder = path.join(root, 'dist/sim');

const RUNNER = 'runtime/jobs/runner';
const MQTT = 'runtime/mqtt';
const SERVICE = 'targets/service';
const GATEWAY = `${SERVICE}/gateway`;

/** Each is what somebody could write on a tired day: `find` stands once in `file` and is replaced. */
export const MISTAKES = [
  {
    name: 'run a step before its record is written',
    file: `${RUNNER}/work.ts`,
    find: 'persist(runner, WITH_GUARDS ? { ...phase, ...guardedPhase(runner) }',
    replace: 'launch(runner);\n  persist(runner, WITH_GUARDS ? { ...phase, ...guardedPhase(runner) }',
  },
  {
    name: 'forget the outcome before the service has answered',
    file: `${RUNNER}/work.ts`,
    find: "runner.at = 'reporting';\n      return;",
    replace: "runner.at = 'reporting';\n      persist(runner);\n      return;",
  },
  {
    name: 'take any answer for the one asked for (no clientToken check)',
    file: `${RUNNER}/answer.ts`,
    find: 'if (asked?.request.clientToken !== clientToken) return undefined;',
    replace: 'if (asked === undefined) return undefined;',
  },
  {
    name: 'do not count the version up',
    file: 'targets/service/store/executions.ts',
    find: 'ver = r.ver + 1,',
    replace: 'ver = r.ver,',
  },
  {
    name: 'let a device leave a terminal status',
    file: 'runtime/jobs/execution.ts',
    find: 'return NEXT[from]?.[by].includes(to) ?? false;',
    replace: "return NEXT[from]?.[by].includes(to) ?? by === 'device';",
  },
  {
    name: 'run the step that was interrupted once more',
    file: `${RUNNER}/work.ts`,
    find: "case 'running':\n      return fail(",
    replace:
      "case 'running':\n      if (record.step >= 0) {\n        runner.at = 'resuming';\n        runner.step = record.step;\n        return;\n      }\n      return fail(",
  },
  {
    name: 'begin at the first step after every boot',
    file: `${RUNNER}/work.ts`,
    find: 'runner.step = record.step;',
    replace: 'runner.step = 0;',
  },
  {
    name: 'never repeat a request that got no answer',
    file: `${RUNNER}/ask.ts`,
    find: 'if (online && asked && !lookAgain(runner)) send(runner, asked);',
    replace: 'if (online && asked) asked.repeatAt = Number.MAX_VALUE;',
  },
  {
    name: 'report without the expected version',
    file: `${RUNNER}/ask.ts`,
    find: "return { operation: 'UpdateJobExecution', jobId, status, executionNumber, expectedVersion, statusDetails };",
    replace: "return { operation: 'UpdateJobExecution', jobId, status, executionNumber, statusDetails };",
  },
  {
    name: 'read a record without looking at its checksum',
    file: 'runtime/device/slots.ts',
    find: "if (view.getUint32(end) !== crc32(bytes.subarray(0, end))) return 'broken';",
    replace: '',
  },
  {
    name: 'keep a job running that the service no longer holds',
    file: `${RUNNER}/work.ts`,
    find: "signal(runner, 'SIGTERM');",
    replace: 'return;',
  },
  {
    name: 'trust a notification that was kept while the device was away',
    file: `${RUNNER}/runner.ts`,
    find: 'const told = mayAsk(runner) && !runner.askNext && !runner.stopBy;',
    replace: 'const told = mayAsk(runner) && !runner.stopBy;',
  },
  {
    name: 'run the document that was described, not the one that was claimed',
    file: `${RUNNER}/answer.ts`,
    find: 'jobDocument === undefined ? document! : parseDocument(jobDocument, runner.facts)',
    replace: 'document!',
  },
  {
    name: 'leave an outcome on disk that could not be removed',
    file: `${RUNNER}/work.ts`,
    find: 'if (failure) pause(runner);\n      else idle(runner);',
    replace: 'idle(runner);',
  },
  {
    name: 'repeat a claim of what is QUEUED without looking at it again',
    file: `${RUNNER}/ask.ts`,
    find: 'if (!ofQueued(runner)) return false;',
    replace: 'return false;',
  },
  {
    name: 'take an answer that was kept while the device was away',
    file: `${RUNNER}/runner.ts`,
    find: "if (about === 'next' || about === 'own') runner.asked = undefined;",
    replace: '',
  },
  {
    name: 'doubt a job because its notification has another queuedAt',
    file: `${RUNNER}/runner.ts`,
    find: 'execution.executionNumber !== job.executionNumber;',
    replace: 'execution.executionNumber !== job.executionNumber || execution.queuedAt !== job.queuedAt;',
  },
  {
    name: 'clean up after what has succeeded',
    file: `${RUNNER}/guards.ts`,
    find: "if (!cleanUp || outcome?.status === 'SUCCEEDED') return false;",
    replace: 'if (!cleanUp) return false;',
  },
  {
    name: 'ask for a document that no step waits for',
    file: `${RUNNER}/ask.ts`,
    find: "WITH_GUARDS && at === 'running' && runner.stale === true",
    replace: 'WITH_GUARDS && runner.stale === true',
  },
  {
    name: 'repeat a step that a power cut interrupted, though it is not marked so',
    file: 'runtime/jobs/guards.ts',
    find: "const idempotent = action.member('idempotent').flag() || isOne(facts.idempotent);",
    replace: 'const idempotent = !restarts;',
  },
  {
    name: 'take a restart of the agent for one of the device',
    file: `${RUNNER}/guards.ts`,
    find: 'if (bootId === runner.facts!.bootId) {',
    replace: 'if (bootId === undefined) {',
  },
  {
    name: 'fail a job whose device has restarted as it was to',
    file: `${RUNNER}/guards.ts`,
    find: 'if (bootId === runner.facts!.bootId) {',
    replace: 'if (bootId) {',
  },
  {
    name: 'fail a job that was between two steps when its device went down',
    file: `${RUNNER}/work.ts`,
    find: "runner.at = 'resuming';\n      runner.step = record.step;",
    replace:
      "if (record.step > 0) return fail(runner, 'interrupted');\n      runner.at = 'resuming';\n      runner.step = record.step;",
  },
  {
    name: 'report after a clean-up without remembering that it was',
    file: `${RUNNER}/guards.ts`,
    find: 'end(runner, outcome.status, { ...outcome.statusDetails, onFailure });',
    replace: "runner.outcome = outcome;\n  runner.at = 'reporting';",
  },
  {
    name: 'let a step take longer than it may',
    file: `${RUNNER}/guards.ts`,
    find: 'runner.timeoutAt = timeoutSeconds && runner.now + timeoutSeconds * 1_000;',
    replace: 'runner.timeoutAt = undefined;',
  },
  {
    name: 'run a document for other devices',
    file: 'runtime/jobs/guards.ts',
    find: 'own !== undefined && values.includes(own),',
    replace: 'true,',
  },
  // The HTTPS data plane on the device.
  {
    name: 'take the answer of a proxy for the service’s',
    file: 'runtime/device/jobsOverHttps.ts',
    find: 'return code ? [false, { code, message, ...(executionState && { executionState }) }] : undefined;',
    replace: 'return code ? [false, { code, message, ...(executionState && { executionState }) }] : [true, {}];',
  },
  {
    name: 'tell a device of its next job once only',
    file: 'runtime/device/mqttOverHttps.ts',
    find: 'if (head !== way.head) publish(',
    replace: 'if (way.head === undefined && head !== way.head) publish(',
  },
  // MQTT on the device.
  {
    name: 'never make the pauses between connects short again',
    file: `${MQTT}/connection.ts`,
    find: "if (client.at === 'online' && now - client.onlineSinceMillis >= STABLE_MILLIS) client.attempts = 0;",
    replace: '',
  },
  {
    name: 'never make the pauses between connects longer',
    file: `${MQTT}/connection.ts`,
    find: 'RETRY_MILLIS_BASE * 2 ** client.attempts++',
    replace: 'RETRY_MILLIS_BASE / 10',
  },
  {
    name: 'never send PINGREQ',
    file: `${MQTT}/connection.ts`,
    find: 'return Math.min(sentAtMillis, receivedAtMillis) + (options.keepAliveSeconds * 1000 || Infinity);',
    replace: 'return Infinity;',
  },
  {
    name: 'take a PINGREQ for its answer',
    file: `${MQTT}/connection.ts`,
    find: 'client.untilMillis = now + Math.min(PINGRESP_MILLIS_MAX, client.options.keepAliveSeconds * 400);',
    replace: 'client.receivedAtMillis = now;',
  },
  {
    name: 'give each message of the device the same packet identifier',
    file: `${MQTT}/client.ts`,
    find: 'const packetIdentifier = qos && nextPacketIdentifier(client);',
    replace: 'const packetIdentifier = qos && 2;',
  },
  {
    name: 'forget a message of the device when it was sent, not when it was acknowledged',
    file: `${MQTT}/client.ts`,
    find: "if (client.at === 'online') sendDue(client);",
    replace: "if (client.at === 'online') {\n    sendDue(client);\n    client.held = [];\n  }",
  },
  {
    name: 'send a message of the device again without DUP',
    file: `${MQTT}/connection.ts`,
    find: 'one.resendAtMillis ? duplicate(one.packet) : one.packet',
    replace: 'one.packet',
  },
  {
    name: 'trust "session present" after a CONNACK that may have been lost',
    file: `${MQTT}/connection.ts`,
    find: "if (client.at === 'connecting') client.subscribes = client.options.subscribes;",
    replace: '',
  },
  {
    name: 'take the rest of a packet for a new one',
    file: `${MQTT}/framer.ts`,
    find: 'framer.heldBytes += part.length;',
    replace: 'framer.heldBytes += part.length + 1;',
  },
  // The gateway.
  {
    name: 'forget a message of the service when it was sent, not when it was acknowledged',
    file: `${GATEWAY}/session.ts`,
    find: 'transmit(gateway, session, packetIdentifier, message, false);',
    replace:
      'transmit(gateway, session, packetIdentifier, message, false);\n      release(gateway, session, packetIdentifier);',
  },
  {
    name: 'give each message of the service the same packet identifier',
    file: `${GATEWAY}/session.ts`,
    find: 'do session.lastPacketIdentifier = (session.lastPacketIdentifier % 65_535) + 1;\n  while (session.inFlight.has(session.lastPacketIdentifier));',
    replace: 'session.lastPacketIdentifier = 1;',
  },
  {
    name: 'keep a client that is silent for ever',
    file: `${GATEWAY}/connect.ts`,
    find: 'now + connection.online.patienceMillis',
    replace: 'now + 100 * connection.online.patienceMillis',
  },
  {
    name: 'end a session with its connection, though it was to be kept',
    file: `${GATEWAY}/session.ts`,
    find: 'if (session.expiryMillis === 0) return endSession(gateway, session);',
    replace: 'return endSession(gateway, session);',
  },
  {
    name: 'lose the subscriptions of a session that is resumed',
    file: `${GATEWAY}/session.ts`,
    find: 'if (refusalOfSubscribe(principal, filter) === undefined) continue;',
    replace: '',
  },
  {
    name: 'count the bytes of a message twice when it is acknowledged',
    file: `${GATEWAY}/session.ts`,
    find: 'session.heldBytes -= bytes;\n  gateway.heldBytes -= bytes;',
    replace: 'session.heldBytes -= bytes;\n  gateway.heldBytes -= 2 * bytes;',
  },
  // The rules and the store of the service.
  {
    name: 'do not take an execution out of the counter that it leaves',
    file: `${SERVICE}/store/executions.ts`,
    find: 'add(before, -1);',
    replace: '',
  },
  {
    name: 'fold the counters, and keep what was folded',
    file: `${SERVICE}/store/jobs.ts`,
    find: 'sql`delete from job_delta',
    replace: 'sql`update job_delta set n = n',
  },
  {
    name: 'time executions out a minute early',
    file: `${SERVICE}/jobs/tick.ts`,
    find: 'const due = await loadDue(tx, nowMillis, CHANGE_CHUNK_MAX);',
    replace: 'const due = await loadDue(tx, nowMillis + 60_000, CHANGE_CHUNK_MAX);',
  },
  {
    name: 'never time an execution out',
    file: `${SERVICE}/jobs/tick.ts`,
    find: '(await timeOut()) &&',
    replace: '',
  },
  {
    name: 'start the in-progress timer again with each report',
    file: `${SERVICE}/jobs/decide.ts`,
    find: "if (before.status === 'QUEUED') after.inProgressDeadlineMillis",
    replace: 'after.inProgressDeadlineMillis',
  },
  {
    name: 'leave the timer of an execution that has ended',
    file: `${SERVICE}/jobs/decide.ts`,
    find: 'after.inProgressDeadlineMillis = undefined;',
    replace: '',
  },
  {
    name: 'let times go back with the clock',
    file: `${SERVICE}/jobs/decide.ts`,
    find: 'Math.max(move.nowMillis, before.queuedAtMillis, before.lastUpdatedAtMillis)',
    replace: 'move.nowMillis',
  },
  {
    name: 'try again once more than the job allows',
    file: `${SERVICE}/jobs/retry.ts`,
    find: 'done[failureType] < numberOfRetries',
    replace: 'done[failureType] <= numberOfRetries',
  },
  {
    name: 'never try again after a time-out',
    file: `${SERVICE}/jobs/retry.ts`,
    find: "(status !== 'FAILED' && status !== 'TIMED_OUT')",
    replace: "status !== 'FAILED'",
  },
  {
    name: 'try again though the job was cancelled',
    file: `${SERVICE}/jobs/retry.ts`,
    find: "if (ended.hasLeft || (jobStatus !== 'IN_PROGRESS' && jobStatus !== 'SCHEDULED')) return undefined;",
    replace: 'if (ended.hasLeft) return undefined;',
  },
  {
    name: 'ignore the rate of a roll-out',
    file: `${SERVICE}/jobs/jobTick.ts`,
    find: 'Math.min(Math.floor(bucket.tokens + 1e-9), ROLLOUT_CHUNK_MAX)',
    replace: 'ROLLOUT_CHUNK_MAX',
  },
  {
    name: 'cancel a job and leave what is QUEUED',
    file: `${SERVICE}/jobs/jobTick.ts`,
    find: "(['QUEUED'] as const)",
    replace: '([] as const)',
  },
  {
    name: 'complete a job while devices are at it',
    file: `${SERVICE}/jobs/jobTick.ts`,
    find: "countOf(counts, 'QUEUED') + countOf(counts, 'IN_PROGRESS') === 0",
    replace: "countOf(counts, 'QUEUED') === 0",
  },
  {
    name: 'do not say that another job is next',
    file: `${SERVICE}/jobs/storedExecution.ts`,
    find: 'notifyNext: !sameHead || unseen',
    replace: 'notifyNext: unseen',
  },
  {
    name: 'say with each report that the queue has changed',
    file: `${SERVICE}/jobs/storedExecution.ts`,
    find: 'notify: notify || unseen',
    replace: 'notify: true',
  },
  {
    name: 'keep the notify-next of one who was told the list',
    file: `${SERVICE}/jobs/notifications.ts`,
    find: 'if (next) {',
    replace: 'if (next && !list) {',
  },
  {
    name: 'tell a thing of a queue that its window hides',
    file: `${SERVICE}/jobs/storedExecution.ts`,
    find: 'return isPending(status) && !hidden;',
    replace: 'return isPending(status);',
  },
  {
    name: 'tell nobody when a window opens',
    file: `${SERVICE}/jobs/scheduleTick.ts`,
    find: 'await notifyRevealed(tx, job.job_no, place, REVEAL_CHUNK_MAX, nowMillis, busyUntil)',
    replace: '{ things: [], last: undefined }',
  },
  {
    name: 'take what runs from its device outside of a window, and tell it nothing',
    file: `${SERVICE}/jobs/storedExecution.ts`,
    find: "if (!before.hidden || before.status !== 'IN_PROGRESS') return false;",
    replace: 'return false;',
  },
  {
    name: 'forget a notification that could not be sent',
    file: `${SERVICE}/jobs/notifications.ts`,
    find: 'waiting.filter((_, i) => sent[i]),',
    replace: 'waiting,',
  },
  {
    name: 'write what was refused',
    file: `${SERVICE}/jobs/decide.ts`,
    find: "return rejected({ code: after, message }, clientToken, nowMillis, before);\n  }\n  if (after === 'InvalidStateTransition')",
    replace:
      "return {\n      ...rejected({ code: after, message }, clientToken, nowMillis, before),\n      change: changeOf(loaded.queue, before, { ...before, lastUpdatedAtMillis: nowMillis }),\n    };\n  }\n  if (after === 'InvalidStateTransition')",
  },
  {
    name: 'give a thing that joins again its old execution number',
    file: `${SERVICE}/jobs/membership.ts`,
    find: 'executionNumber + 1]',
    replace: 'executionNumber + 2]',
  },
  {
    name: 'give a thing a first execution beside one that it has',
    file: `${SERVICE}/store/jobs.ts`,
    find: 'where not exists (select 1 from exec e where e.thing_no = t.thing_no and',
    replace: 'where not exists (select 1 from exec e where e.thing_no = -1 and',
  },
  {
    name: 'take what is new for the last of its queue',
    file: `${SERVICE}/store/notifications.ts`,
    find: 'order by h.status desc, h.queued_at, h.job_no, h.no limit 1)',
    replace: 'order by h.status desc, h.job_no <> 0, h.no * 0, h.job_no limit 1)',
  },
  // The serial line: the host, and the microcontroller's library in C.
  {
    name: 'take a frame on the host without looking at its checksum',
    world: 'serial',
    file: 'runtime/serial/frame.ts',
    find: 'if (view.getUint32(bytes.length - 4, true) !== crc32(bytes.subarray(0, -4))) return undefined;',
    replace: '',
  },
  {
    name: 'send a command once more when nobody knows whether it ran',
    world: 'serial',
    file: 'runtime/serial/commandTask.ts',
    find: 'if (task.resumed || task.sentTo !== undefined) {',
    replace: 'if (task.resumed) {',
  },
  {
    name: 'send a command once more after a reset of the device',
    world: 'serial',
    file: 'runtime/serial/commandTask.ts',
    find: 'if (task.sentTo !== undefined && task.sentTo !== device.bootId)',
    replace: 'if (task.sentTo !== undefined && task.sentTo !== device.bootId) task.sentTo = undefined;\n  if (false)',
  },
  {
    name: 'send a command once more after a restart of the host',
    world: 'serial',
    file: 'runtime/serial/commandTask.ts',
    find: 'if (task.resumed || task.sentTo !== undefined) {',
    replace: 'if (task.sentTo !== undefined) {',
  },
  {
    name: 'take any restart for a start of the new image',
    world: 'serial',
    file: 'runtime/serial/flashTask.ts',
    find: 'return end(task, false, `the device restarted with',
    replace: 'return end(task, true, `the device restarted with',
  },
  {
    name: 'never send a request again',
    world: 'serial',
    file: 'runtime/serial/link.ts',
    find: 'return resend({ ...link, timer, phase: { ...phase, resends: phase.resends + 1 } }, now);',
    replace: 'return [{ ...link, timer, phase: { ...phase, resendAt: undefined } }, []];',
  },
  {
    name: 'take a frame on the device without looking at its checksum',
    world: 'serial',
    file: 'targets/mcu/src/link.c',
    find: 'crc32_of(link->rx, link->rx_used) == RESIDUE)',
    replace: 'true)',
  },
  {
    name: 'take a request on the device out of its order',
    world: 'serial',
    file: 'targets/mcu/src/link.c',
    find: 'if (behind != 0) {',
    replace: 'if (behind > 15) {',
  },
  {
    name: 'take a request that was meant for the device before its reset',
    world: 'serial',
    file: 'targets/mcu/src/link.c',
    find: 'link->host == 0 || rx[2] != link->boot ||',
    replace: '',
  },
  {
    name: 'do not say a reply again',
    world: 'serial',
    file: 'targets/mcu/src/link.c',
    find: '*kept |= PENDING; /* seen: its reply was lost */',
    replace: '*kept |= 0;',
  },
  {
    name: 'start an image that was not verified',
    world: 'serial',
    file: 'targets/mcu/src/jobs.c',
    find: 'if (jobs->verifying == WHOLE)',
    replace: 'if (jobs->pull->size != 0)',
  },
  {
    name: 'put any block where the next one belongs',
    world: 'serial',
    file: 'targets/mcu/src/pull.c',
    find: 'offset.value != pull->offset ||',
    replace: '',
  },
  // The bridge.
  {
    name: 'send the command of a step that is taken up again once more',
    world: 'bridges',
    file: 'targets/bridge/mcu.ts',
    find: 'createCommandTask({ ...work, resumed: effect.resumed }, clock())',
    replace: 'createCommandTask({ ...work, resumed: false }, clock())',
  },
  {
    name: 'give each step of a job the same number',
    world: 'bridges',
    file: 'targets/bridge/stepWork.ts',
    find: 'job.executionNumber, job.queuedAt, index]',
    replace: 'job.executionNumber, job.queuedAt]',
  },
  {
    name: 'go on though the record could not be written',
    world: 'bridges',
    file: 'targets/bridge/mcu.ts',
    find: "events.push({ on: 'unpersisted', reason: (error as Error).message });",
    replace: "events.push({ on: 'persisted' });",
  },
  {
    name: 'never stop a command on its microcontroller',
    world: 'bridges',
    file: 'targets/bridge/mcu.ts',
    find: '      return tasks.stop();',
    replace: '      return;',
  },
  {
    name: 'tell all messages of a connection to its first thing',
    world: 'bridges',
    file: 'targets/bridge/connection.ts',
    find: 'passengers.find((passenger) => passenger.thingName === thingName)?.message',
    replace: 'passengers[0]?.message',
  },
  {
    name: 'wait for a microcontroller that is there already',
    world: 'bridges',
    file: 'targets/bridge/taskRunner.ts',
    find: "if (at) tell({ on: 'up', device: at.device });",
    replace: '',
  },
];

/**
 * Runs worlds with one mistake in them. Resolves to the count of seeds until it was noticed and by which promise, or to
 * undefined; rejects when the mistake no longer fits the code.
 */
export async function seedsUntilCaught(mistake, seeds, firstSeed = 1) {
  if (mistake.world === 'serial') {
    const { code, stdout } = await runSerial({ seed: firstSeed, count: seeds }, mistake);
    return readCaught(code, stdout);
  }
  if (mistake.world === 'bridges') {
    const { code, stdout } = await runBridges({ seed: firstSeed, count: seeds }, mistake);
    return readCaught(code, stdout);
  }
  const bundle = await bundleSim(path.join(folder, `${mistake.name.replace(/\W+/g, '-')}.mjs`), mistake);
  const child = spawn(process.execPath, [bundle, '--seed', `${firstSeed}`, '--count', `${seeds}`, '--story', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text;
  });
  return readCaught(await new Promise((resolve) => child.on('close', resolve)), out);
}

function readCaught(code, out) {
  const { worlds = 1, broken } = JSON.parse(out.trim().split('\n').at(-1));
  const why = /^seed [\d?]+: (.*)$/m.exec(out)?.[1];
  return code === 1 && broken !== undefined ? { worlds, why } : undefined;
}

/** Plays scenarios whose name contains `text`, with a mistake in the product or none. Resolves to the exit code and what was printed. */
export async function playScenarios(text, mistake) {
  const outfile = path.join(folder, `scenarios${mistake ? `-${mistake.name.replace(/\W+/g, '-')}` : ''}.mjs`);
  const bundle = await bundleSim(outfile, mistake, 'test/sim/scenarios/main.ts');
  const child = spawn(process.execPath, [bundle, text], { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (part) => {
    stdout += part;
  });
  return { code: await new Promise((resolve) => child.on('close', resolve)), stdout };
}

/** Fails loudly, before anything is run, where a mistake no longer fits the code. */
export async function checkThatAllFit() {
  const faults = [];
  for (const { name, file, find } of MISTAKES) {
    const pieces = (await readFile(path.join(root, file), 'utf8')).split(find);
    if (pieces.length !== 2)
      faults.push(`${name}: its text stands ${pieces.length - 1} times in ${file}: expected once`);
  }
  if (faults.length > 0) throw new Error(faults.join('\n'));
}

async function main() {
  const options = readOptions(HELP);
  const [seeds, jobs] = [wholeOf(options, 'seeds', 1500), wholeOf(options, 'jobs', 1)];
  await checkThatAllFit();
  const chosen = MISTAKES.filter(({ name }) => name.includes(options.only ?? ''));
  const left = [...chosen];
  const caught = new Map();
  const work = async () => {
    for (let mistake = left.shift(); mistake !== undefined; mistake = left.shift()) {
      const found = await seedsUntilCaught(mistake, seeds);
      caught.set(mistake.name, found);
      const told =
        found === undefined ? `NOT CAUGHT in ${seeds} seeds` : `${`${found.worlds}`.padStart(4)} seeds   ${found.why}`;
      console.log(`${mistake.name.padEnd(80)} ${told}`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  const away = chosen.filter(({ name }) => caught.get(name) === undefined);
  const [most] = [...caught].filter(([, found]) => found).sort(([, a], [, b]) => b.worlds - a.worlds);
  console.log(`\n${chosen.length - away.length} of ${chosen.length} mistakes were caught.`);
  if (most) console.log(`Most seeds, ${most[1].worlds}, were needed for: ${most[0]}.`);
  process.exitCode = away.length > 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
