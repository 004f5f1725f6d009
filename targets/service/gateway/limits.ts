/** Every bound of the MQTT gateway and its listener, with its unit and where it comes from. */
import { PAYLOAD_BYTES_MAX } from '../../../runtime/jobs/limits.ts';

// What one packet may hold.

/** The largest packet taken: the largest payload, and room for a topic, a client identifier and a user name. */
export const packetBytesMax = PAYLOAD_BYTES_MAX + 4_096;
/** Longest topic or topic filter, bytes of UTF-8 (AWS IoT Core quotas, "Topic size"). */
export const topicBytesMax = 256;
/** Most `/` in a topic or filter (AWS IoT Core quotas, "Maximum number of slashes in topic and topic filter"). */
export const topicSlashesMax = 7;
/** Slashes of the reserved prefix `$aws/things/{thingName}/`, which are not counted (the same). */
export const reservedSlashes = 3;
/** Longest client identifier, bytes of UTF-8 (AWS IoT Core quotas, "Client ID size"). */
export const clientIdBytesMax = 128;
/** Topic filters in one SUBSCRIBE (AWS IoT Core quotas, "Maximum subscriptions per subscribe request"). */
export const subscriptionsPerSubscribeMax = 8;
/** Topic filters of one session (AWS IoT Core quotas, "Maximum subscriptions per connection"). */
export const subscriptionsPerSessionMax = 50;
/** QoS 1 messages that a client of MQTT 5 may have sent and not seen acknowledged (AWS IoT Core quotas, "Maximum inbound unacknowledged publish requests"). */
export const receiveMaximum = 100;
/** Topics for which a client of MQTT 5 may send a number instead (AWS IoT Core quotas, "Topic alias"): 2 KiB at most. */
export const topicAliasMaximum = 8;

// What is kept for a session, and how long.

/** QoS 1 messages sent to one client and not yet acknowledged (AWS IoT Core quotas, "Maximum outbound unacknowledged publish requests"). */
export const inFlightMax = 100;
/** QoS 1 messages kept for one session, in flight and waiting. */
export const heldMessagesMax = 1_000;
/** Bytes of the messages kept for one session: sixteen of the largest. */
export const heldBytesMax = 16 * PAYLOAD_BYTES_MAX;
/** Bytes of the messages kept for all sessions together. */
export const heldBytesTotalMax = 256 * 1_048_576;
/** What a kept message costs beside its topic and payload, bytes. */
export const heldMessageOverheadBytes = 100;
/** How long a persistent session outlives its connection, and the most that MQTT 5 can ask for (AWS IoT Core quotas, "Persistent session expiry period"). */
export const sessionExpiryMillis = 3_600_000;
/** Persistent sessions without a connection; beyond, the one longest alone is forgotten. */
export const offlineSessionsMax = 50_000;
/** Retained messages of all topics: one subscription to all of them fits a session. */
export const retainedMessagesMax = heldMessagesMax;
/** Bytes of all retained messages: the same, and less than `unsentBytesMax`. */
export const retainedBytesMax = heldBytesMax;

// How long is waited.

/** For CONNECT once TLS stands: any board sends it at once, but a packet may be lost twice. */
export const connectMillisMax = 30_000;
/** The keep-alive of a client that asks for 0 or for more, seconds (AWS IoT Core quotas, "Keep-alive interval"). */
export const keepAliveSecondsMax = 1_200;
/** A client is gone after this many of its keep-alives without a packet (MQTT 3.1.1 §3.1.2.10). */
export const keepAliveGrace = 1.5;

// The listener.

/** Connections, TLS handshakes included. */
export const connectionsMax = 20_000;
/** For the TLS handshake: a slow board does RSA in seconds, a bad network adds most of a minute. */
export const handshakeMillisMax = 60_000;
/** Bytes handed to one socket and not yet taken by the kernel; a reader slower than that is cut off. */
export const unsentBytesMax = 4 * 1_048_576;
/** For the last bytes of a closing connection to leave. */
export const lingerMillisMax = 5_000;
/** Log lines that one connection may cause beside its coming and going. */
export const logsPerConnectionMax = 10;
/** Longest text in a field of a log line: room for a topic and a sentence. */
export const logFieldCharsMax = 400;
/** Longest Reason String to a client of MQTT 5: the same sentence. */
export const reasonStringCharsMax = logFieldCharsMax;
