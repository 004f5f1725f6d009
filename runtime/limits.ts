/** Every bound of the device's runtime, with its unit and where it comes from. The Jobs protocol's are in jobs/. */

// MQTT: what may arrive and wait (runtime/mqtt).

/** The largest payload of a message: 128 KiB (AWS IoT Core quotas, "Message size"). */
export const payloadBytesMax = 131_072;
/** The largest packet taken or sent: the payload, and room for headers and a topic (AWS: at most 256 bytes of it). */
export const packetBytesMax = payloadBytesMax + 1_024;
/** Topic filters in one SUBSCRIBE (AWS IoT Core quotas, "Maximum subscriptions per subscribe request"). */
export const subscriptionsPerSubscribeMax = 8;
/** QoS 1 messages sent and not yet acknowledged. AWS allows 100; a device's memory does not. */
export const inFlightMax = 16;
/** QoS 1 messages that wait for a connection or for a place in flight. */
export const waitingMessagesMax = 64;
/** Payload bytes of all messages that wait or are in flight: two of the largest. */
export const heldPayloadBytesMax = 2 * payloadBytesMax;

// MQTT: how long is waited (milliseconds).

/** For TCP, proxy and TLS together: a slow board does an RSA handshake in seconds, a slow network adds ten. */
export const openMillisMax = 30_000;
/** For CONNACK after CONNECT: it costs the server one look-up. */
export const connackMillisMax = 10_000;
/** For PINGRESP after PINGREQ; never more than 0.4 of the keep-alive, so that both stay under 1.5 times of it. */
export const pingrespMillisMax = 10_000;
/** For PUBACK or SUBACK before the first resend (Device Advisor: within 15 s). Doubled with each one. */
export const resendMillisMin = 10_000;
/** The longest pause between two resends. */
export const resendMillisMax = 80_000;
/** The upper end of the first pause before connecting again. Doubled with each failure, to the longest configured. */
export const retryMillisBase = 1_000;
/** The shortest pause before connecting again: a device that draws 0 must not spin. */
export const retryMillisMin = 50;
/** How long a connection must have been online to count as stable: only then the pauses start anew. */
export const stableMillis = 30_000;
