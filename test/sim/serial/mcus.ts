import { spawn } from 'node:child_process';

/** One microcontroller in the process of mcu.c. */
export interface Mcu {
  /** One command; its lines. */
  ask(command: string): Promise<string[]>;
}

export interface Mcus {
  /** @param index  0..63 */
  mcu(index: number): Mcu;
  end(): void;
}

/**
 * The compiled library in a process. What several worlds ask in one turn goes there and back together.
 *
 * @param failed  it has ended by itself: the sanitizer has said why
 */
export function startMcus(program: string, failed: (code: number | null) => void): Mcus {
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting: ((lines: string[]) => void)[] = [];
  let first = 0;
  let rest = '';
  let lines: string[] = [];
  let asked = '';
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    for (const line of parts) {
      if (line !== '.') lines.push(line);
      else {
        waiting[first++]!(lines);
        lines = [];
      }
    }
    if (first === waiting.length) first = waiting.length = 0;
  });
  child.on('close', (code) => {
    if (code !== 0) failed(code);
  });
  child.stdin.on('error', () => {}); // 'close' tells it
  return {
    mcu: (index) => ({
      ask: (command) =>
        new Promise((resolve) => {
          if (asked === '')
            setImmediate(() => {
              child.stdin.write(`${asked}go\n`, 'latin1');
              asked = '';
            });
          asked += `${index} ${command}\n`;
          waiting.push(resolve);
        }),
    }),
    end: () => void child.stdin.end(),
  };
}
