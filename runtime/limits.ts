/** Every bound of the device's runtime, with its unit and where it comes from. The Jobs protocol's are in jobs/. */

// MQTT: what may arrive and wait (runtime/mqtt).

/** The largest payload of a message: 128 KiB (AWS IoT Core quotas, "Message size"). */
export const PAYLOAD_BYTES_MAX = 131_072;
/** The largest packet taken or sent: the payload, and room for headers and a topic (AWS: at most 256 bytes of it). */
export const PACKET_BYTES_MAX = PAYLOAD_BYTES_MAX + 1_024;
/** Topic filters in one SUBSCRIBE (AWS IoT Core quotas, "Maximum subscriptions per subscribe request"). */
export const SUBSCRIPTIONS_PER_SUBSCRIBE_MAX = 8;
/** Topic filters of one connection (AWS IoT Core quotas, "Subscriptions per connection"). */
export const SUBSCRIPTIONS_PER_CONNECTION_MAX = 50;
/** SUBSCRIBEs of one connection: enough for all of its topic filters. Their packet identifiers are 1 to this. */
export const SUBSCRIBES_MAX = 7;
/** QoS 1 messages sent and not yet acknowledged. AWS allows 100; a device's memory does not. */
export const IN_FLIGHT_MAX = 16;
/** QoS 1 messages held until they are acknowledged: in flight, or waiting for a connection or a place. */
export const HELD_MESSAGES_MAX = 64;
/** Bytes of all packets held: two of the largest. */
export const HELD_BYTES_MAX = 2 * PACKET_BYTES_MAX;

// MQTT: how long is waited (milliseconds).

/**
 * For TCP, proxy and TLS together: a slow board does an RSA handshake in seconds; where a round trip takes 4 s and every third packet is lost,
 * most handshakes take more than 30.
 */
export const OPEN_MILLIS_MAX = 60_000;
/** For CONNACK after CONNECT: it costs the server one look-up. */
export const CONNACK_MILLIS_MAX = 10_000;
/** For PINGRESP after PINGREQ; never more than 0.4 of the keep-alive, so that both stay under 1.5 times of it. A packet lost twice is late by 20 s on such a line. */
export const PINGRESP_MILLIS_MAX = 30_000;
/** For PUBACK or SUBACK before the first resend (Device Advisor: within 15 s). Doubled with each one. */
export const RESEND_MILLIS_MIN = 10_000;
/** The longest pause between two resends. */
export const RESEND_MILLIS_MAX = 80_000;
/** The upper end of the first pause before connecting again. Doubled with each failure, to the longest configured. */
export const RETRY_MILLIS_BASE = 1_000;
/** The shortest pause before connecting again: a device that draws 0 must not spin. */
export const RETRY_MILLIS_MIN = 50;
/** How long a connection must have been online to count as stable: only then the pauses start anew. */
export const STABLE_MILLIS = 30_000;
