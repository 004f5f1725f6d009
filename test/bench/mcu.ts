import { BOARDS, deepestStack, linked, RAM_BUDGET, structureBytes, without } from '../targets/mcu/sizes.ts';
import type { Figure, Report } from './figure.ts';

/** As AWS publishes them for a Cortex-M with -Os, in KB: MQTT and JSON, and no TLS. */
const PUBLISHED = [
  { name: 'AWS Jobs with coreJSON', value: 6.2 * 1024 },
  { name: 'coreMQTT', value: 18.9 * 1024 },
  { name: 'MQTT file streams with tinyCBOR', value: 7.5 * 1024 },
];
const STACK_BYTES = 256;

/** The C library from its linked objects, part by part, and its deepest stack. */
export async function mcu(): Promise<Omit<Report, 'family'>> {
  const figures = BOARDS.flatMap((board): Figure[] => {
    const some = linked(board, without('pull', 'jobs'));
    const firmware = linked(board, without('jobs')) - some;
    const all = linked(board, without());
    const arm = board.tool !== 'avr';
    const stack = deepestStack(board);
    const bytes = (name: string, ours: number, more: Partial<Figure> = {}): Figure => ({
      name: `${board.name}: ${name}`,
      unit: 'bytes',
      ours,
      beside: [],
      ...more,
    });
    return [
      bytes('ROM, all of it', all, { beside: arm ? PUBLISHED : [], budget: { most: board.budget } }),
      bytes('  link and bodies', some),
      bytes('  firmware and SHA-256', firmware),
      bytes('  commands and jobs', all - some - firmware),
      bytes('RAM, its structures', structureBytes(board), { budget: { most: RAM_BUDGET } }),
      bytes('static RAM', 0),
      bytes(`deepest stack, in ${stack.name}`, stack.bytes, { budget: { most: STACK_BYTES } }),
    ];
  });
  return {
    figures,
    notes: [
      'frame buffers and a flash page come from the caller and are not counted; .data and .bss are empty, which the link checks',
      "AWS's figures are from its size tables, whose versions differ (Jobs 4.9 to 6.2 KB, coreMQTT 5.7 to 18.9 KB), without TLS, network and flash; ours are without UART and flash, and need a bridge",
      "the stack is the sum along the deepest chain of calls, saved registers and return addresses included, the caller's flash functions, its loop and its interrupts apart; AWS publishes none",
      'the budgets were drawn from a prototype without kept replies, HELLO, firmware, jobs and a 32-bit checksum: link and bodies keep them, all of it does not',
    ],
  };
}
