/** Frames for people: what `errand-bridge monitor` prints. */
import { ProtocolError } from '../../runtime/errors.ts';
import { type CborMap, decodeBody } from '../../runtime/serial/cbor.ts';
import { ADDRESS_ALL, ADDRESS_SINGLE, type Frame } from '../../runtime/serial/frame.ts';
import { decodeDeviceHello, decodeHostHello } from '../../runtime/serial/hello.ts';
import { commandsOf, decodeState, operationOf } from '../../runtime/serial/jobs.ts';
import { decodeBlock, decodePull } from '../../runtime/serial/pull.ts';
import { showValue } from './commandArguments.ts';

const HASH_BYTES_SHOWN = 8;

/** One line without its time: direction, whose frame it is, and what it says. */
export function meaningOf(frame: Frame): string {
  const { from, type, addr, seq, boot } = frame;
  const who = addr === ADDRESS_SINGLE ? '' : ` ${addr === ADDRESS_ALL ? 'all' : addr}`;
  const head = `${from === 'host' ? '->' : '<-'}${who} ${type === 'DATA' ? '' : `#${seq} `}`;
  try {
    return `${head}${bodyOf(frame)} (boot ${boot})`;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return `${head}${type} that cannot be read: ${error.message}`;
  }
}

function bodyOf({ from, type, body }: Frame): string {
  if (type === 'HELLO') return from === 'host' ? `HELLO from host ${decodeHostHello(body).host}` : helloOf(body);
  if (type === 'DATA') {
    const { offset, bytes } = decodeBlock(body);
    return `BLOCK ${bytes.length} bytes at ${offset}`;
  }
  if (body.length === 0) return `${from === 'host' ? 'REQUEST' : 'reply'}, empty`;
  return from === 'host' ? askingOf(decodeBody(body)) : replyOf(body);
}

function helloOf(body: Uint8Array): string {
  const hello = decodeDeviceHello(body);
  const { hardwareId, bootId, frameBytesMax, window, firmwareVersion, firmwareHash } = hello;
  const firmware = [firmwareVersion, firmwareHash && hexOf(firmwareHash)].filter(Boolean).join(' ');
  const commands = commandsOf(hello);
  return [
    `HELLO from '${hardwareId}', boot-id ${bootId}, frames of ${frameBytesMax} bytes, window ${window}`,
    ...(firmware ? [`firmware ${firmware}`] : []),
    ...(commands.length > 0 ? [`commands ${commands.join(' ')}`] : []),
  ].join(', ');
}

function askingOf(map: CborMap): string {
  const operation = operationOf(map);
  if (operation === undefined) return `REQUEST ${showValue(map)}`;
  const first = map.get(1);
  switch (operation) {
    case 'RUN':
      return `RUN ${first}: ${map.get(2)} ${showValue(map.get(3) ?? [])}`;
    case 'STATUS':
    case 'STOP':
      return `${operation} ${first}`;
    case 'FLASH': {
      const hash = map.get(2);
      return `FLASH ${first} bytes, ${hash instanceof Uint8Array ? hexOf(hash) : '?'}, image ${map.get(3) ?? 0}`;
    }
    default:
      return operation;
  }
}

function replyOf(body: Uint8Array): string {
  const map = decodeBody(body);
  if (map.size === 0) return 'reply, empty';
  if (!map.has(0) && map.has(3)) {
    const { offset, length, count } = decodePull(body);
    return `PULL ${count} blocks of ${length} bytes from ${offset}`;
  }
  if (!map.has(0)) return `reply ${showValue(map)}`;
  const { state, progress, words, result } = decodeState(body);
  const more = [
    ...(progress === undefined ? [] : [`${progress} %`]),
    ...(words === undefined ? [] : [`'${words}'`]),
    ...(result === undefined ? [] : [`result ${showValue(result)}`]),
  ];
  return [state, ...more].join(', ');
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, HASH_BYTES_SHOWN)).toString('hex');
}
