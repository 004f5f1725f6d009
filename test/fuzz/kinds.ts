import { control } from './control.ts';
import { devices } from './devices.ts';
import type { Kind } from './kind.ts';
import { packets } from './packets.ts';
import { payloads } from './payloads.ts';
import { sockets } from './sockets.ts';

/** Every kind of hostile input; their shares add up to one. */
export const KINDS: readonly Kind[] = [control, devices, payloads, packets, sockets];
