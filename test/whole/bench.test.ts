import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Report, verdictOf } from '../bench/figure.ts';
import { bundlePeers, sizeOf } from '../bench/peers/bundles.ts';
import { untilLines } from '../bench/processes.ts';
import { AGENT, openSite, prototypeArgs, type Site, startNode } from '../bench/site.ts';
import { markdown, table } from '../bench/table.ts';

/** What `npm run bench` compares with, and how it is told; the figures themselves are not for tests. */
const bench = suite<{ site?: Site }>('bench');
bench.after(async ({ site }) => site?.end());

const SMALLER = { name: 'to install', unit: 'bytes', ours: 1_000, budget: { most: 1_024 } } as const;
const PEERS: Report = {
  family: 'peers',
  peers: ['one', 'other'],
  figures: [
    {
      ...SMALLER,
      beside: [
        { name: 'one', value: 4_000 },
        { name: 'other', value: undefined },
      ],
    },
    { name: 'rate', unit: 'per second', ours: 5, beside: [{ name: 'one', value: 0 }], budget: { least: 6 } },
  ],
};
const OTHERS: Report = {
  family: 'disk',
  figures: [{ name: 'syncs', unit: 'times', ours: 3, beside: [{ name: 'core', value: 4 }], budget: { ratio: 0.5 } }],
  notes: ['of a job'],
};

bench('the table has a column for each peer, the goal beside the figure, and whether it is met', () => {
  const [peers, others, told] = markdown([PEERS, OTHERS]).split('\n\n');
  assert.equal(peers!.split('\n'), [
    '| peers (ours by it) | this agent | one | other | goal | met |',
    '| --- | --- | --- | --- | --- | --- |',
    '| to install | 1,000 B | 4,000 B (0.25) |  | <= 1,024 B | yes |',
    '| rate | 5/s | 0/s |  | >= 6/s | NO |',
  ]);
  assert.is(others!.split('\n').at(-1), '| disk | syncs | 3 | 4 core | 0.75 | 0.50x | NO |');
  assert.equal(told!.split('\n'), [
    '* disk: of a job',
    '* goals met: 1, by ratio or by size only: 0, not met: 2',
    '* not met: peers: rate; disk: syncs',
  ]);
  const lines = table([PEERS, OTHERS]).split('\n');
  assert.ok(lines.every((line) => !line.endsWith(' ')));
  assert.ok(lines.includes('not met: peers: rate; disk: syncs'));
});

bench('a goal by size and by ratio of which one is met is told as that, and no goal as nothing', () => {
  const beside = [{ name: 'one', value: 100 }];
  const figure = { name: '', unit: 'ms', ours: 80, beside } as const;
  assert.is(verdictOf({ ...figure, budget: { most: 90, ratio: 0.7 } }), 'size only');
  assert.is(verdictOf({ ...figure, budget: { most: 70, ratio: 0.9 } }), 'ratio only');
  assert.is(verdictOf(figure), '');
});

bench("job agents on mqtt.js and AWS's two SDKs, bundled, do the jobs of their things", async (context) => {
  const bundled = await bundlePeers();
  const agentBytes = sizeOf([AGENT]).bytes;
  context.site = await openSite();
  const { site } = context;
  await Promise.all(
    Object.entries(bundled).map(async ([name, { file, files }]) => {
      assert.ok(sizeOf(files).bytes > agentBytes);
      const access = await site.thing(name);
      await site.createJobs(`${name}-before`, 1, name, 'true');
      const device = startNode(...prototypeArgs(file, access, '1', '2', 'program=true', 'tell'));
      await untilLines(device, /-before-1: SUCCEEDED$/, 1);
      await site.createJobs(`${name}-after`, 2, name, 'true');
      await untilLines(device, /-after-[12]: SUCCEEDED$/, 2);
      const counted = JSON.parse(await device.line(/^\{/)) as { cpuMicros: number; millis: number };
      assert.ok(counted.cpuMicros > 0 && counted.millis > 0);
      // Version 1 reports at QoS 0, and does not hear whether that was heard.
      for (const jobId of [`${name}-before-1`, `${name}-after-1`, `${name}-after-2`])
        while ((await statusOf(site, jobId, name)) === 'IN_PROGRESS');
      for (const jobId of [`${name}-before-1`, `${name}-after-1`, `${name}-after-2`])
        assert.is(await statusOf(site, jobId, name), 'SUCCEEDED', jobId);
      await device.kill();
    }),
  );
});

async function statusOf(site: Site, jobId: string, thingName: string): Promise<string> {
  const { execution } = await site.control('DescribeJobExecution', { jobId, thingName });
  return (execution as { status: string }).status;
}

bench.run();
