/** Bytes of a line in any portions -> frames, and the lines of text that a `printf` put between them. */
import { decodeFrame, type Frame } from './frame.ts';
import { LINE_BYTES_MAX, STUFFED_BYTES_MAX } from './limits.ts';

export type Found = { frame: Frame } | { line: string };

/**
 * The bytes since the last 0x00. Holds a buffer, so there is one owner and only the newest state is of use.
 * Memory: one frame and one line, whatever arrives.
 */
export interface Splitter {
  /** On a bus nobody prints; on a line with one device a piece is known for text by its first byte. */
  readonly bus: boolean;
  readonly piece: Uint8Array;
  pieceBytes: number;
  /** The piece can be no frame any more: its bytes go to the line as they come. */
  textual: boolean;
  readonly line: Uint8Array;
  lineBytes: number;
  /** Bytes that were neither frame nor text, since the splitter was made. */
  noiseBytes: number;
}

export function createSplitter({ bus = false } = {}): Splitter {
  const piece = new Uint8Array(STUFFED_BYTES_MAX);
  const line = new Uint8Array(LINE_BYTES_MAX);
  return { bus, piece, pieceBytes: 0, textual: false, line, lineBytes: 0, noiseBytes: 0 };
}

/**
 * Takes all bytes. Whatever came before, the next whole frame behind a 0x00 is found.
 *
 * @returns frames and lines in the order they ended; a line is without its line end, cut at LINE_BYTES_MAX
 */
export function split(splitter: Splitter, bytes: Uint8Array): Found[] {
  const found: Found[] = [];
  let at = 0;
  while (at < bytes.length) {
    const zero = bytes.indexOf(0, at);
    const end = zero < 0 ? bytes.length : zero;
    if (end > at) takePart(splitter, bytes.subarray(at, end), found);
    if (zero < 0) break;
    endPiece(splitter, found);
    at = zero + 1;
  }
  return found;
}

/** Hands out a line that has no end yet: to be called when the line closes. */
export function lastLine(splitter: Splitter): Found[] {
  const found: Found[] = [];
  if (splitter.textual) dropNoise(splitter);
  if (splitter.lineBytes > 0) endLine(splitter, found);
  return found;
}

/** What a frame for or from the only device begins with: its address is 0, so the first group is empty. */
const SINGLE_BEGINS = 0x01;

function takePart(splitter: Splitter, part: Uint8Array, found: Found[]): void {
  const { piece, pieceBytes, bus } = splitter;
  if (pieceBytes === 0 && !bus && part[0] !== SINGLE_BEGINS) splitter.textual = true;
  if (!splitter.textual && pieceBytes + part.length > piece.length) {
    splitter.textual = true; // longer than any frame
    takeText(splitter, piece.subarray(0, pieceBytes), found);
  }
  if (splitter.textual) return takeText(splitter, part, found);
  piece.set(part, pieceBytes);
  splitter.pieceBytes += part.length;
}

function endPiece(splitter: Splitter, found: Found[]): void {
  if (splitter.textual) {
    dropNoise(splitter);
  } else if (splitter.pieceBytes > 0) {
    const piece = splitter.piece.subarray(0, splitter.pieceBytes);
    const frame = decodeFrame(piece);
    if (frame !== undefined) found.push({ frame });
    else if (isText(piece)) takeText(splitter, piece, found);
    else splitter.noiseBytes += piece.length;
  }
  splitter.textual = false;
  splitter.pieceBytes = 0;
}

function takeText(splitter: Splitter, part: Uint8Array, found: Found[]): void {
  splitter.pieceBytes = 1; // begun, held or not: only a piece's first byte tells text from frames
  for (const byte of part) {
    if (byte === 0x0a) {
      endLine(splitter, found);
      continue;
    }
    if (splitter.lineBytes === splitter.line.length) endLine(splitter, found);
    splitter.line[splitter.lineBytes] = byte;
    splitter.lineBytes += 1;
  }
}

function endLine(splitter: Splitter, found: Found[]): void {
  const line = splitter.line.subarray(0, splitter.lineBytes);
  splitter.lineBytes = 0;
  if (!isText(line)) splitter.noiseBytes += line.length;
  else
    found.push({ line: new TextDecoder('utf-8').decode(line[line.length - 1] === 0x0d ? line.subarray(0, -1) : line) });
}

/** A broken frame may have been taken for text: it must not stick to the line that follows. */
function dropNoise(splitter: Splitter): void {
  if (isText(splitter.line.subarray(0, splitter.lineBytes))) return;
  splitter.noiseBytes += splitter.lineBytes;
  splitter.lineBytes = 0;
}

/** Printable, tab, line ends and escape (colours); all of UTF-8's further bytes. */
function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => (byte >= 0x20 && byte !== 0x7f) || (byte >= 0x09 && byte <= 0x0d) || byte === 0x1b);
}
