import type { Bench } from './bench.ts';
import { BUDGETS } from './budgets.ts';
import { bundle } from './bundle.ts';
import type { Report } from './figure.ts';
import { interleaved } from './rounds.ts';
import { startNode } from './site.ts';

/** A young generation in which the garbage of an allocation measurement has room, MB. */
const SEMI_SPACE = ['--min-semi-space-size=256', '--max-semi-space-size=256'];

/** PUBLISH QoS 1 of 128 B, one packet a chunk, beside mqtt-packet. */
export async function framing(bench: Bench): Promise<Omit<Report, 'family'>> {
  const file = await bundle('framing-case.ts');
  const value = async (...args: string[]) => {
    const framer = startNode(...args);
    const told = JSON.parse(await framer.line(/^\{/)) as { value: number };
    await framer.ended;
    return told.value;
  };
  const run = (name: string) => async () => ({
    nanos: await value(file, name, 'nanos'),
    bytes: await value(...SEMI_SPACE, file, name, 'bytes'),
  });
  const cases = {
    encode: run('encode errand'),
    generate: run('encode generate'),
    writeToStream: run('encode writeToStream'),
    decode: run('decode errand'),
    inTurn: run('decode errand, topics in turn'),
    parse: run('decode mqtt-packet'),
  };
  const { encode, generate, writeToStream, decode, inTurn, parse } = await interleaved(
    bench.rounds(5, 1),
    cases,
    bench.progress,
  );
  const encoders = [
    { name: 'mqtt-packet generate', ...generate },
    { name: 'writeToStream, not joined', ...writeToStream },
  ];
  const decoders = [{ name: 'mqtt-packet', ...parse }];
  const figure = (
    name: string,
    what: 'nanos' | 'bytes',
    ours: Cost,
    peers: (Cost & { name: string })[],
    budget: { ratio: number },
  ) => ({
    name,
    unit: what === 'nanos' ? ('ns' as const) : ('bytes' as const),
    ours: ours[what],
    beside: peers.map((peer) => ({ name: peer.name, value: peer[what] })),
    budget,
  });
  return {
    figures: [
      figure('encode PUBLISH, CPU', 'nanos', encode, encoders, BUDGETS.encodeNanos),
      figure('encode PUBLISH, allocated', 'bytes', encode, encoders, BUDGETS.framingBytes),
      figure('decode PUBLISH, CPU', 'nanos', decode, decoders, BUDGETS.decodeNanos),
      figure('decode PUBLISH, allocated', 'bytes', decode, decoders, BUDGETS.framingBytes),
    ],
    notes: [
      'each PUBLISH has the topic of the one before; of one that has another the topic is decoded and checked anew: ' +
        `${Math.round(inTurn.nanos)} ns, ${Math.round(inTurn.bytes)} bytes`,
    ],
  };
}

type Cost = { nanos: number; bytes: number };
