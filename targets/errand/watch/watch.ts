import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { STATUSES, type Status } from '../../../runtime/jobs/execution.ts';
import { OPERATIONS, type OperationName } from '../../service/operations/table.ts';
import { call } from '../call.ts';
import { readEndpoints } from '../endpoints.ts';
import { CommandError, EXIT, usageError } from '../outcome.ts';
import { allSucceeded, draw, type Failure, failureLine, hasEnded, plainLine, type Snapshot } from './view.ts';

const HELP = `errand watch: a roll-out as it happens, until the job has ended

usage: errand watch JOB [options]

  --every SECONDS   between two looks (1)
  --endpoints FILE  endpoints.json of the service; else $ERRAND_ENDPOINTS, else ./errand-data/endpoints.json
  --help            this text

On a terminal it draws a bar, counts, rate and failures in place; elsewhere it prints a line whenever something has changed.
Exit codes: 0 every execution SUCCEEDED, 1 not all of them or the job was deleted, 130 ended by Ctrl-C; else as all of errand.
`;

/** Executions whose reason is looked up, in all: each takes a request. */
const REASONS_MAX = 50;
/** Executions of one status that are asked for at once. */
const PAGE_MAX = 50;
const BAD = ['FAILED', 'TIMED_OUT', 'REJECTED'] as const;
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

type Ask = (name: OperationName, input: Record<string, unknown>) => Promise<Record<string, unknown>>;

/** `errand watch JOB`, from its arguments to its end. @returns the exit code */
export async function main(argv: string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(HELP);
    return EXIT.ok;
  }
  const { jobId, everyMillis, endpointsFile } = readArguments(argv);
  const service = readEndpoints(endpointsFile, process.env);
  const ask: Ask = (name, input) => call(OPERATIONS.find((row) => row.name === name)!, input, service);
  const look = looker(jobId, ask);
  const first = await look();
  const out = process.stdout.isTTY ? terminal(first) : lines();
  process.once('SIGINT', () => {
    out.end();
    process.exit(130);
  });
  try {
    for (let now = first; ; ) {
      out.show(now);
      if (hasEnded(now)) return allSucceeded(now) ? EXIT.ok : 1;
      await wait(everyMillis);
      now = await look().catch((error) => {
        if (!(error instanceof CommandError) || error.exitCode !== EXIT.failed) throw error;
        out.trouble(error.message);
        return now;
      });
    }
  } catch (error) {
    if (!(error instanceof CommandError) || !error.message.includes('ResourceNotFoundException')) throw error;
    out.trouble(`job ${jobId} was deleted`);
    return 1;
  } finally {
    out.end();
  }
}

/** Looks at the job again and again; what was learnt of failures is kept. */
function looker(jobId: string, ask: Ask): () => Promise<Snapshot> {
  const failures = new Map<string, Failure>();
  let told = 0;

  async function learn(counts: Snapshot['counts']): Promise<void> {
    const count = BAD.reduce((sum, status) => sum + counts[status], 0);
    if (count === told || failures.size >= REASONS_MAX) return;
    for (const status of BAD) {
      if (counts[status] === 0) continue;
      const { executionSummaries = [] } = (await ask('ListJobExecutionsForJob', {
        jobId,
        status,
        maxResults: PAGE_MAX,
      })) as { executionSummaries?: { thingArn: string }[] };
      for (const { thingArn } of executionSummaries) {
        const thingName = thingArn.slice(thingArn.indexOf('/') + 1);
        if (failures.has(thingName) || failures.size >= REASONS_MAX) continue;
        failures.set(thingName, { thingName, status, reason: await reasonOf(thingName) });
      }
    }
    told = count;
  }

  async function reasonOf(thingName: string): Promise<string> {
    const { execution } = (await ask('DescribeJobExecution', { jobId, thingName })) as {
      execution?: { statusDetails?: { detailsMap?: Record<string, string> } };
    };
    return execution?.statusDetails?.detailsMap?.reason ?? '';
  }

  return async () => {
    const { job } = (await ask('DescribeJob', { jobId })) as {
      job: { status: string; jobProcessDetails?: Record<string, number> };
    };
    const counts = Object.fromEntries(
      STATUSES.map((status) => [status, job.jobProcessDetails?.[countName(status)] ?? 0]),
    ) as Snapshot['counts'];
    await learn(counts);
    return { atMillis: performance.now(), jobId, status: job.status, counts, failures: [...failures.values()] };
  };
}

/** `TIMED_OUT` is counted in `numberOfTimedOutThings`. */
function countName(status: Status): string {
  const words = status.split('_').map((word) => word[0] + word.slice(1).toLowerCase());
  return `numberOf${words.join('')}Things`;
}

interface View {
  show(now: Snapshot): void;
  trouble(message: string): void;
  end(): void;
}

/** Draws over what it drew before. */
function terminal(first: Snapshot): View {
  let height = 0;
  let note = '';
  let last: Snapshot | undefined;
  const paint = () => {
    // A terminal that was never given a size says 0.
    const columns = process.stdout.columns || 80;
    const drawn = last === undefined ? [] : draw(first, last, columns);
    if (note !== '') drawn.push(note.slice(0, columns - 1));
    const up = height === 0 ? HIDE_CURSOR : `\u001b[${height}A\u001b[J`;
    height = drawn.length;
    process.stdout.write(`${up}${drawn.map((line) => `${line}\n`).join('')}`);
  };
  return {
    show(now) {
      if (now !== last) note = '';
      last = now;
      paint();
    },
    trouble(message) {
      note = message;
      paint();
    },
    end: () => void process.stdout.write(SHOW_CURSOR),
  };
}

/** Prints what has changed. */
function lines(): View {
  let last = '';
  const told = new Set<string>();
  const print = (line: string) => void process.stdout.write(`${new Date().toISOString().slice(0, 19)}Z ${line}\n`);
  return {
    show(now) {
      const line = plainLine(now);
      if (line !== last) print(line);
      last = line;
      for (const failure of now.failures) {
        if (!told.has(failure.thingName)) print(failureLine(failure));
        told.add(failure.thingName);
      }
    },
    trouble: print,
    end: () => {},
  };
}

function readArguments(argv: string[]): { jobId: string; everyMillis: number; endpointsFile: string | undefined } {
  try {
    const options = { every: { type: 'string' }, endpoints: { type: 'string' } } as const;
    const { values, positionals } = parseArgs({ args: argv, options, allowPositionals: true });
    const [jobId, ...more] = positionals;
    if (jobId === undefined || more.length > 0)
      throw usageError(`found ${positionals.length} jobs: expected one; errand watch --help`);
    const every = values.every ?? '1';
    if (!/^\d{1,4}(\.\d+)?$/.test(every) || Number(every) <= 0)
      throw usageError(`--every is '${every}': expected seconds, more than 0`);
    return { jobId, everyMillis: Number(every) * 1000, endpointsFile: values.endpoints };
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw usageError((error as Error).message.split('. ')[0]!);
  }
}
