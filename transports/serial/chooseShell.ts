import { nativeShell } from './nativeShell.ts';
import type { SerialShell } from './serialPort.ts';
import { ttyShell } from './ttyShell.ts';

/**
 * The shell with native code where that can be loaded, Node's own otherwise.
 *
 * @param wanted  'serialport' or 'tty' to have that one
 * @returns       the shell, and the sentence for the log
 * @throws        Error when serialport is wanted and cannot be loaded
 */
export async function chooseShell(
  wanted: 'auto' | SerialShell['name'],
  loadNative: () => Promise<SerialShell> = nativeShell,
): Promise<{ shell: SerialShell; why: string }> {
  if (wanted === 'tty') return { shell: ttyShell, why: "serial ports are opened by Node's own tty, as configured" };
  try {
    return { shell: await loadNative(), why: 'serial ports are opened by serialport' };
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0];
    if (wanted === 'serialport') throw new Error(`serialport's native code cannot be loaded: ${reason}`);
    return {
      shell: ttyShell,
      why: `serial ports are opened by Node's own tty, without DTR and RTS: serialport's native code cannot be loaded: ${reason}`,
    };
  }
}
