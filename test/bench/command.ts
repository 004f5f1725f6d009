import type { Bench } from './bench.ts';
import type { Report } from './figure.ts';
import { interleaved } from './rounds.ts';
import { ERRAND, startNode } from './site.ts';

/** A command from exec to its end. */
export async function command(bench: Bench): Promise<Omit<Report, 'family'>> {
  const measure =
    (...args: string[]) =>
    async () => {
      const began = performance.now();
      const how = await startNode(...args).ended;
      if (how !== 0) throw new Error(`node ${args.join(' ')} ended with ${how}`);
      return { millis: performance.now() - began };
    };
  const cases = { version: measure(ERRAND, '--version'), bare: measure('-e', '0') };
  const { version, bare } = await interleaved(bench.rounds(15, 5), cases, bench.progress);
  const beside = [{ name: 'node -e 0', value: bare.millis }];
  return { figures: [{ name: 'errand --version', unit: 'ms', ours: version.millis, beside }] };
}
