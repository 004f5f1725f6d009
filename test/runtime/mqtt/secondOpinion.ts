/** Our packets in the words of mqtt-packet, and back. */
import { Buffer } from 'node:buffer';
import type * as mqttPacket from 'mqtt-packet';
import type { Acknowledgement, ConnectReturnCode, Packet, QoS, Signal } from '../../../runtime/mqtt/packet.ts';

export function toMqttPacket(packet: Packet): mqttPacket.Packet {
  switch (packet.type) {
    case 'CONNECT':
      return {
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clientId: packet.clientId,
        clean: packet.cleanSession,
        keepalive: packet.keepAliveSeconds,
        ...(packet.will && {
          will: {
            topic: packet.will.topicName,
            payload: Buffer.from(packet.will.message),
            qos: packet.will.qos,
            retain: packet.will.retain,
          },
        }),
        ...(packet.username !== undefined && { username: packet.username }),
        ...(packet.password && { password: Buffer.from(packet.password) }),
      };
    case 'CONNACK':
      return { cmd: 'connack', returnCode: packet.returnCode, sessionPresent: packet.sessionPresent };
    case 'PUBLISH':
      return {
        cmd: 'publish',
        topic: packet.topicName,
        payload: Buffer.from(packet.payload),
        qos: packet.qos,
        dup: packet.dup,
        retain: packet.retain,
        ...(packet.qos > 0 && 'packetIdentifier' in packet && { messageId: packet.packetIdentifier }),
      };
    case 'SUBSCRIBE':
      return {
        cmd: 'subscribe',
        messageId: packet.packetIdentifier,
        subscriptions: packet.subscriptions.map(({ topicFilter, qos }) => ({ topic: topicFilter, qos })),
      };
    case 'SUBACK':
      return { cmd: 'suback', messageId: packet.packetIdentifier, granted: [...packet.returnCodes] };
    case 'UNSUBSCRIBE':
      return { cmd: 'unsubscribe', messageId: packet.packetIdentifier, unsubscriptions: [...packet.topicFilters] };
    case 'PINGREQ':
    case 'PINGRESP':
    case 'DISCONNECT':
      return { cmd: packet.type.toLowerCase() } as mqttPacket.Packet;
    default:
      return { cmd: packet.type.toLowerCase(), messageId: packet.packetIdentifier } as mqttPacket.Packet;
  }
}

export function fromMqttPacket(packet: mqttPacket.Packet): Packet {
  const packetIdentifier = packet.messageId ?? 0;
  switch (packet.cmd) {
    case 'connect':
      return {
        type: 'CONNECT',
        clientId: packet.clientId,
        cleanSession: packet.clean === true,
        keepAliveSeconds: packet.keepalive ?? 0,
        will: packet.will && {
          topicName: packet.will.topic,
          message: new Uint8Array(packet.will.payload as Buffer),
          qos: packet.will.qos ?? 0,
          retain: packet.will.retain === true,
        },
        username: packet.username,
        password: packet.password && new Uint8Array(packet.password),
      };
    case 'connack':
      return {
        type: 'CONNACK',
        sessionPresent: packet.sessionPresent,
        returnCode: packet.returnCode as ConnectReturnCode,
      };
    case 'publish': {
      const common = {
        type: 'PUBLISH',
        topicName: packet.topic,
        payload: new Uint8Array(packet.payload as Buffer),
        retain: packet.retain,
      } as const;
      if (packet.qos === 0) return { ...common, qos: 0, dup: false };
      return { ...common, qos: packet.qos, dup: packet.dup, packetIdentifier };
    }
    case 'subscribe':
      return {
        type: 'SUBSCRIBE',
        packetIdentifier,
        subscriptions: packet.subscriptions.map(({ topic, qos }) => ({ topicFilter: topic, qos })),
      };
    case 'suback':
      return { type: 'SUBACK', packetIdentifier, returnCodes: packet.granted as (QoS | 0x80)[] };
    case 'unsubscribe':
      return { type: 'UNSUBSCRIBE', packetIdentifier, topicFilters: packet.unsubscriptions };
    case 'pingreq':
    case 'pingresp':
    case 'disconnect':
      return { type: packet.cmd.toUpperCase() as Signal['type'] };
    default:
      return { type: packet.cmd.toUpperCase() as Acknowledgement['type'], packetIdentifier };
  }
}
