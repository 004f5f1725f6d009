/** Every bound of the HTTPS data plane, with its unit. */
import { PAYLOAD_BYTES_MAX } from '../../../runtime/jobs/limits.ts';

/** Largest body of a device's request, bytes: what a message over MQTT may have. The longest details, every character escaped, are half of it. */
export const DATA_BODY_BYTES_MAX = PAYLOAD_BYTES_MAX;
/** Longest time that a request is held open, seconds; who asks for more gets this. */
export const WAIT_SECONDS_MAX = 60;
/** Requests held open for one thing: a device needs one, and its connections that broke unnoticed may leave some behind. */
export const HELD_PER_THING_MAX = 8;
/** Connections of devices at the same time, as many as over MQTT; further ones are closed at once. */
export const DEVICE_CONNECTIONS_MAX = 20_000;
/**
 * Requests of devices held open; connections for others that have something to report stay free. Measured: 8 KB for one beside
 * its connection, which costs 57 KB, nearly all of it OpenSSL's; all of these are 1.1 GB. Less memory: a smaller number.
 */
export const HELD_FOR_DEVICES_MAX = 16_000;
/** Requests held open on the operators' port, whose connections the control plane needs too. */
export const HELD_FOR_OPERATORS_MAX = 1_000;
/** Refusals of one connection that are logged; it has cost its client a handshake. */
export const REFUSALS_LOGGED_PER_CONNECTION_MAX = 10;
