/** How often the line is drawn anew, milliseconds. */
const DRAW_MILLIS = 100;
const BAR_CHARS = 24;

/** A line that tells how far something has come, drawn over itself; nothing where nobody looks at a terminal. */
export function createProgress(stream: NodeJS.WriteStream, what: string, bytes: number) {
  let done = 0;
  let drawnMillis = 0;
  const began = performance.now();
  const draw = () => {
    const share = bytes === 0 ? 1 : Math.min(done / bytes, 1);
    const bar = '#'.repeat(Math.round(share * BAR_CHARS)).padEnd(BAR_CHARS, '.');
    const seconds = Math.max(performance.now() - began, 1) / 1000;
    const rate = (done / seconds / 1_048_576).toFixed(1);
    stream.write(
      `\r${what.padEnd(9)} [${bar}] ${String(Math.floor(share * 100)).padStart(3)} %  ${megabytes(done)} of ${megabytes(bytes)} MB, ${rate} MB/s \x1b[K`,
    );
  };
  return {
    passed(more: number): void {
      done += more;
      const now = performance.now();
      if (!stream.isTTY || now - drawnMillis < DRAW_MILLIS) return;
      drawnMillis = now;
      draw();
    },
    /** The line goes: what is said next stands alone. */
    end(): void {
      if (stream.isTTY && drawnMillis > 0) stream.write('\r\x1b[K');
    },
  };
}

function megabytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(1);
}
