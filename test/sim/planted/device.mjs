const RUNNER = 'runtime/jobs/runner';

export const DEVICE_CORE = [
  {
    name: 'take any answer for the one asked for (no clientToken check)',
    file: `${RUNNER}/answer.ts`,
    find: 'if (!online || asked?.request.clientToken !== clientToken) return undefined;',
    replace: 'if (!online || asked === undefined) return undefined;',
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
    name: 'keep a job running that the service no longer holds',
    file: `${RUNNER}/work.ts`,
    find: "signal(runner, 'SIGTERM');",
    replace: 'return;',
  },
  {
    name: 'trust a notification that was kept while the device was away',
    file: `${RUNNER}/runner.ts`,
    find: 'const told = mayAsk(runner) && !runner.askNext && !runner.stopBy;',
    replace: 'const told = !runner.stopBy;\n    if (told) runner.asked = undefined;',
  },
  {
    name: 'run the document that was described, not the one that was claimed',
    file: `${RUNNER}/answer.ts`,
    find: 'jobDocument === undefined ? document! : parseDocument(jobDocument, runner.facts)',
    replace: 'document!',
  },
  {
    name: 'repeat a claim of what is QUEUED without looking at it again',
    // By seeds it takes a REJECTED that is lost, and a job made anew between five seconds before its repeat and its end.
    world: 'scenarios',
    plays: 'a REJECTED is lost',
    file: `${RUNNER}/ask.ts`,
    find: 'if (!ofQueued(runner)) return false;',
    replace: 'return false;',
  },
  {
    name: 'take an answer that was kept while the device was away',
    // By seeds it takes a job made anew while an answer about it is kept: one in some hundred to thousand.
    world: 'scenarios',
    plays: 'an answer is kept, and comes as soon',
    file: `${RUNNER}/runner.ts`,
    find: "if (about === 'next' || about === 'own') runner.asked = undefined;",
    replace: '',
  },
  {
    name: 'pass over a job made anew that is told while the old one runs',
    // By seeds it takes a worker that dies between telling of the end of one and of the other: one in some 5,000.
    world: 'scenarios',
    plays: 'one message tells of both',
    file: `${RUNNER}/runner.ts`,
    find: 'runner.doubt ||= isOther || isQueued;',
    replace: 'runner.doubt ||= isOther;',
  },
  {
    name: 'take an answer that comes before the device is online',
    // By seeds it takes a CONNACK that is lost with an answer kept behind it: one in some 10,000.
    world: 'scenarios',
    plays: 'an answer is kept, and comes before',
    file: `${RUNNER}/answer.ts`,
    find: 'if (!online || asked?.request.clientToken !== clientToken) return undefined;',
    replace: 'if (asked?.request.clientToken !== clientToken) return undefined;',
  },
  {
    name: 'take what runs for another one by its queuedAt',
    file: `${RUNNER}/answer.ts`,
    find: "const isAnother = at === 'resuming' && step && job!",
    replace: 'const isAnother = job!',
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
  {
    name: 'never kill a program that was asked to end',
    file: `${RUNNER}/runner.ts`,
    find: "    signal(runner, 'SIGKILL');\n",
    replace: '',
  },
  {
    name: 'take the step that had not begun for done, when the agent ends',
    file: `${RUNNER}/runner.ts`,
    find: 'park(runner, runner.step);',
    replace: 'park(runner, runner.step + 1);',
  },
  {
    name: 'go on behind a step that failed',
    file: `${RUNNER}/work.ts`,
    find: '} else if (!succeeded && !ignoreStepFailure) {',
    replace: '} else if (!succeeded && ignoreStepFailure) {',
  },
  {
    name: 'take up a job again without asking whether it is still there',
    // Whoever has a session is told what it has missed: by seeds it takes a cancel between a crash and the next connection.
    world: 'scenarios',
    plays: 'a job is cancelled while its device is away',
    file: `${RUNNER}/runner.ts`,
    find: "runner.doubt = isBusy(runner) || about === 'own';",
    replace: "runner.doubt = about === 'own';",
  },
];

export const RECORD = [
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
    name: 'read a record without looking at its checksum',
    file: 'runtime/device/slots.ts',
    find: "if (view.getUint32(end) !== crc32(bytes.subarray(0, end))) return 'broken';",
    replace: '',
  },
  {
    name: 'leave an outcome on disk that could not be removed',
    file: `${RUNNER}/work.ts`,
    find: 'if (failure) pause(runner);\n      else idle(runner);',
    replace: 'idle(runner);',
  },
  {
    name: 'report after a clean-up without remembering that it was',
    file: `${RUNNER}/guards.ts`,
    find: 'end(runner, outcome.status, { ...outcome.statusDetails, onFailure });',
    replace: "runner.outcome = outcome;\n  runner.at = 'reporting';",
  },
  {
    name: 'write over the newest of the two slots',
    file: 'runtime/device/slots.ts',
    find: 'next: isSecondNewer ? 0 : 1 }',
    replace: 'next: isSecondNewer ? 1 : 0 }',
  },
  {
    name: 'start a step whose record could not be written',
    file: `${RUNNER}/work.ts`,
    find: 'else if (failure && !(WITH_GUARDS && runner.cleaning))',
    replace: 'else if (failure && WITH_GUARDS && runner.cleaning)',
  },
];
