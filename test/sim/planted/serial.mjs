export const SERIAL_LINK = [
  {
    name: 'take a frame on the host without looking at its checksum',
    file: 'runtime/serial/frame.ts',
    find: 'if (view.getUint32(bytes.length - 4, true) !== crc32(bytes.subarray(0, -4))) return undefined;',
    replace: '',
  },
  {
    name: 'send a command once more when nobody knows whether it ran',
    file: 'runtime/serial/commandTask.ts',
    find: 'if (task.resumed || task.sentTo !== undefined) {',
    replace: 'if (task.resumed) {',
  },
  {
    name: 'send a command once more after a reset of the device',
    file: 'runtime/serial/commandTask.ts',
    find: 'if (task.sentTo !== undefined && task.sentTo !== device.bootId)',
    replace: 'if (task.sentTo !== undefined && task.sentTo !== device.bootId) task.sentTo = undefined;\n  if (false)',
  },
  {
    name: 'send a command once more after a restart of the host',
    file: 'runtime/serial/commandTask.ts',
    find: 'if (task.resumed || task.sentTo !== undefined) {',
    replace: 'if (task.sentTo !== undefined) {',
  },
  {
    name: 'take any restart for a start of the new image',
    file: 'runtime/serial/flashTask.ts',
    find: 'return end(task, false, `the device restarted with',
    replace: 'return end(task, true, `the device restarted with',
  },
  {
    name: 'never send a request again',
    file: 'runtime/serial/link.ts',
    find: 'return resend({ ...link, timer, phase: { ...phase, resends: phase.resends + 1 } }, now);',
    replace: 'return [{ ...link, timer, phase: { ...phase, resendAt: undefined } }, []];',
  },
  {
    name: 'take any reply for that of the oldest request',
    file: 'runtime/serial/link.ts',
    find: 'link.flights.find(({ seq }) => seq === frame.seq)',
    replace: 'link.flights[0]',
  },
  {
    name: 'say nothing of what a restart of the device has cut off',
    file: 'runtime/serial/link.ts',
    find: "return [next, [...lost, ...dropped, { do: 'up', device }, ...effects]];",
    replace: "return [next, [...dropped, { do: 'up', device }, ...effects]];",
  },
  {
    name: 'count the window by what is not answered',
    file: 'runtime/serial/link.ts',
    find: '(link.flights[0] ? (link.nextSeq - link.flights[0].seq) & (SEQUENCE_NUMBERS - 1) : 0)',
    replace: 'link.flights.length',
  },
  {
    name: 'start the image before it is whole',
    file: 'runtime/serial/flashTask.ts',
    find: 'if (pull.offset >= image.length) return',
    replace: 'if (pull.offset > 0) return',
  },
];

export const C_LIBRARY = [
  {
    name: 'take a frame on the device without looking at its checksum',
    file: 'targets/mcu/src/link.c',
    find: 'crc32_of(link->rx, link->rx_used) == RESIDUE)',
    replace: 'true)',
  },
  {
    name: 'take a request on the device out of its order',
    file: 'targets/mcu/src/link.c',
    find: 'if (behind != 0) {',
    replace: 'if (behind > 15) {',
  },
  {
    name: 'take a request that was meant for the device before its reset',
    file: 'targets/mcu/src/link.c',
    find: 'rx[2] != link->boot ||',
    replace: '',
  },
  {
    name: 'do not say a reply again',
    file: 'targets/mcu/src/link.c',
    find: '*kept = (int16_t)-*kept; /* seen: its reply was lost */',
    replace: '*kept += 0;',
  },
  {
    name: 'start an image that was not verified',
    file: 'targets/mcu/src/jobs.c',
    find: '? ERRAND_STATE_FAILED : jobs->verified;',
    replace: '? ERRAND_STATE_FAILED : ERRAND_STATE_SUCCEEDED;',
  },
  {
    name: 'put any block where the next one belongs',
    file: 'targets/mcu/src/pull.c',
    find: 'items[ERRAND_KEY_OFFSET].value != at ||',
    replace: '',
  },
  {
    name: 'go on counting where the host before had stopped',
    file: 'targets/mcu/src/link.c',
    find: '    link->expected = 0;\n',
    replace: '',
  },
  {
    name: 'put the length of an image where there is no room for it',
    file: 'targets/mcu/src/verify.c',
    find: 'bool last = used < ERRAND_HASH_BLOCK - 8;',
    replace: 'bool last = used <= ERRAND_HASH_BLOCK - 8;',
  },
];

export const BRIDGE = [
  {
    name: 'send the command of a step that is taken up again once more',
    file: 'targets/bridge/mcu.ts',
    find: 'createCommandTask({ ...work, resumed: effect.resumed }, clock())',
    replace: 'createCommandTask({ ...work, resumed: false }, clock())',
  },
  {
    name: 'give each step of a job the same number',
    file: 'targets/bridge/stepWork.ts',
    find: 'job.executionNumber, job.queuedAt, index]',
    replace: 'job.executionNumber, job.queuedAt]',
  },
  {
    name: 'go on though the record could not be written',
    file: 'targets/bridge/mcu.ts',
    find: "events.push({ on: 'unpersisted', reason: (error as Error).message });",
    replace: "events.push({ on: 'persisted' });",
  },
  {
    name: 'never stop a command on its microcontroller',
    file: 'targets/bridge/mcu.ts',
    find: '      return tasks.stop();',
    replace: '      return;',
  },
  {
    name: 'tell all messages of a connection to its first thing',
    file: 'targets/bridge/connection.ts',
    find: 'passengers.find((passenger) => passenger.thingName === thingName)?.message',
    replace: 'passengers[0]?.message',
  },
  {
    name: 'wait for a microcontroller that is there already',
    file: 'targets/bridge/taskRunner.ts',
    find: "if (at) tell({ on: 'up', device: at.device });",
    replace: '',
  },
];
