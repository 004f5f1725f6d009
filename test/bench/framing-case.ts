/**
 * One way of framing, in a process of its own: others would spoil it with their garbage and their types.
 *
 *   node framing-case.cjs CASE nanos|bytes     prints { value } per packet
 */
import { PerformanceObserver, performance } from 'node:perf_hooks';
import type { Writable } from 'node:stream';
import { getHeapStatistics } from 'node:v8';
import { generate, parser, writeToStream } from 'mqtt-packet';
import { createFramer, nextPacket, offer } from '../../runtime/mqtt/framer.ts';
import { decodePublish, encodePublish } from '../../runtime/mqtt/publish.ts';

const TOPIC = '$aws/things/sensor-1/jobs/j1/update'.slice(0, 34);
const PAYLOAD = Buffer.alloc(128, 'x');
/** Their garbage fits the young generation that the process is given. */
const ALLOCATED_PACKETS = 20_000;
const TIMED_PACKETS = 400_000;

/** Keeps results alive, so that no work is optimised away. */
let sink = 0;

const CASES: Record<string, () => (i: number) => void> = {
  'encode errand': () => (i) => {
    const packetIdentifier = (i & 0x7fff) + 1;
    sink += encodePublish({
      topicName: TOPIC,
      payload: PAYLOAD,
      qos: 1,
      packetIdentifier,
    }).length;
  },
  'encode generate': () => (i) => {
    sink += generate(publishOf(i)).length;
  },
  'encode writeToStream': () => {
    // No more of a stream than it uses: a real one would cost five times as much as the framing.
    const write = (chunk: Uint8Array | string) => {
      sink += chunk.length;
      return true;
    };
    const stream = { write } as unknown as Writable;
    return (i) => void writeToStream(publishOf(i), stream);
  },
  'decode errand': () => decodes([TOPIC]),
  'decode errand, topics in turn': () => decodes([TOPIC, TOPIC.toUpperCase()]),
  'decode mqtt-packet': () => {
    const reader = parser({ protocolVersion: 4 });
    reader.on('packet', (packet) => {
      sink += (packet as unknown as { payload: Buffer }).payload.length;
    });
    const chunk = generate(publishOf(1));
    return () => void reader.parse(chunk);
  },
};

function decodes(topics: string[]): (i: number) => void {
  const framer = createFramer();
  const chunks = topics.map((topic) => generate(publishOf(1, topic)));
  return (i) => {
    offer(framer, chunks[i % chunks.length]!);
    for (;;) {
      const packet = nextPacket(framer);
      if (packet === undefined) return;
      sink += decodePublish(packet).payload.length;
    }
  };
}

function publishOf(i: number, topic = TOPIC): Parameters<typeof generate>[0] & { cmd: 'publish' } {
  return {
    cmd: 'publish',
    topic,
    payload: PAYLOAD,
    qos: 1,
    dup: false,
    retain: false,
    messageId: (i & 0x7fff) + 1,
  };
}

const make = CASES[process.argv[2] ?? ''];
if (make === undefined)
  throw new Error(`no case '${process.argv[2]}': expected one of ${Object.keys(CASES).join(', ')}`);
const operate = make();
const collections: number[] = [];
new PerformanceObserver((list) => {
  for (const { startTime } of list.getEntries()) collections.push(startTime);
}).observe({ entryTypes: ['gc'] });

void (process.argv[3] === 'nanos' ? timed() : allocated()).then((value) => {
  if (sink === 0) throw new Error('nothing was framed');
  console.log(`{"value":${value}}`);
});

/** CPU nanoseconds per packet, collections included. */
async function timed(): Promise<number> {
  repeat(TIMED_PACKETS);
  const cpu = process.cpuUsage();
  repeat(TIMED_PACKETS);
  const { user, system } = process.cpuUsage(cpu);
  return ((user + system) * 1000) / TIMED_PACKETS;
}

/** Bytes per packet, on the heap and beside it; measured anew when a collection came in between. */
async function allocated(): Promise<number> {
  repeat(ALLOCATED_PACKETS);
  await told();
  for (let attempt = 0; attempt < 5; attempt++) {
    const since = performance.now();
    const before = held();
    repeat(ALLOCATED_PACKETS);
    const after = held();
    const until = performance.now();
    await told();
    if (!collections.some((at) => at >= since && at <= until)) return (after - before) / ALLOCATED_PACKETS;
  }
  throw new Error('a collection came into every measurement: give a larger --min-semi-space-size');
}

function held(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

/** The observer is told of collections later. */
function told(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

function repeat(packets: number): void {
  for (let i = 0; i < packets; i++) operate(i);
}
