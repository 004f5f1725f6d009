/** `npm run fuzz`: see --help. */
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { KINDS } from './kinds.ts';

const HELP = `Sends hostile input to the service and holds each answer to the API model.

  npm run fuzz -- [--cases N] [--seed N] [--kind WORD]

  --cases N    how many in all (100000)
  --seed N     the same seed, the same cases; any unless given
  --kind WORD  only kinds with this word in their name: ${KINDS.map(({ name }) => `"${name}"`).join(', ')}

Exit code 0: every case was answered as it has to be; 1: one was not (it is printed with its seed); 2: wrong arguments.
`;
/** What may be left on the heap of a kind after its cases, bytes: the code that it loaded, caches with a bound. */
const HEAP_LEFT_BYTES_MAX = 32 * 1_048_576;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Collected twice: of a buffer that the first finds unused the memory is given back beside it, and counts until then. */
const heapBytes = async () => {
  collect();
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};
const mebibytes = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MiB`;

const { values } = readArguments();
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const cases = readCount('cases', values.cases, 1);
const seed = readCount('seed', values.seed ?? `${Date.now() % 1_000_000}`, 0);
const kinds = KINDS.filter(({ name }) => name.includes(values.kind));
if (kinds.length === 0) refuse(`no kind has "${values.kind}" in its name`);
const shares = kinds.reduce((sum, { share }) => sum + share, 0);

console.log(`${cases} cases, --seed ${seed}`);
let failed = false;
for (const kind of kinds) {
  const count = Math.round((cases * kind.share) / shares);
  const started = performance.now();
  const before = await heapBytes();
  try {
    const tally = await kind.run(count, seed);
    const left = (await heapBytes()) - before;
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    console.log(
      `\n${kind.name}: ${count} cases in ${seconds} s, ${mebibytes(left)} more on the heap, ${mebibytes(process.memoryUsage().rss)} resident`,
    );
    for (const [answer, n] of [...tally].sort(([, a], [, b]) => b - a))
      console.log(`${`${n}`.padStart(10)}  ${answer}`);
    if (left > HEAP_LEFT_BYTES_MAX)
      throw new Error(`the heap has grown by ${mebibytes(left)}: at most ${mebibytes(HEAP_LEFT_BYTES_MAX)}`);
  } catch (error) {
    failed = true;
    const { message, stack, cause } = error as Error;
    console.log(`\n${kind.name}: ${cause === undefined ? stack : `${message}\n${(cause as Error).stack}`}`);
  }
}
process.exit(failed ? 1 : 0);

function readArguments() {
  try {
    return parseArgs({
      options: {
        help: { type: 'boolean', default: false },
        cases: { type: 'string', default: '100000' },
        seed: { type: 'string' },
        kind: { type: 'string', default: '' },
      },
    });
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function readCount(name: string, text: string, min: number): number {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= min
    ? value
    : refuse(`--${name} ${text}: expected a whole number from ${min}`);
}

function refuse(reason: string): never {
  process.stderr.write(`npm run fuzz: ${reason}\n`);
  process.exit(2);
}
