import { chmodSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { CommandError, EXIT, usageError } from './outcome.ts';
import { createProgress } from './progress.ts';

const HELP = `errand backup: a copy of the store, consistent, while the service runs or not

usage: errand backup FILE [--data DIR]

  --data DIR  data folder of the service (./errand-data)
  --help      this text

FILE must not be there yet; it comes with mode 0600, as it has access keys in it. To restore: stop the service, put FILE into
the place of DIR/errand.db, remove DIR/errand.db-wal and DIR/errand.db-shm, start it. Keep a copy of DIR/identity and DIR/artifacts too:
the CA and its key change never, artifacts are only added. A store on PostgreSQL is backed up with pg_dump.
`;

/** Pages copied between two looks at what else is to be done; a page is 4 KB. */
const PAGES_AT_ONCE = 1_000;

/** `errand backup FILE`, from its arguments to its end. @returns the exit code */
export async function main(argv: string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(HELP);
    return EXIT.ok;
  }
  const { file, data } = readArguments(argv);
  const store = path.join(data, 'errand.db');
  if (!existsSync(store))
    throw new CommandError(
      EXIT.configuration,
      `there is no ${store}: --data names the folder of a service with a store of its own; one with --store postgres://... is backed up with pg_dump`,
    );
  if (existsSync(file)) throw usageError(`${file} is there already: expected the name of a new file`);
  await copy(store, file);
  process.stdout.write(`${file}: ${statSync(file).size} bytes\n`);
  return EXIT.ok;
}

/** What is left of it when anything fails is nothing. */
async function copy(store: string, file: string): Promise<void> {
  const { default: Driver } = await import('better-sqlite3');
  const part = `${file}.part`;
  const bytes = statSync(store).size;
  const progress = createProgress(process.stderr, 'copying', bytes);
  const giveUp = () => {
    progress.end();
    rmSync(part, { force: true });
    process.exit(130);
  };
  process.once('SIGINT', giveUp);
  try {
    closeSync(openSync(part, 'w', 0o600));
    const driver = new Driver(store, { readonly: true });
    try {
      // A reader sees the store as it was when its transaction began. Without one, the copy would begin anew with every write of the service.
      driver.exec('begin');
      driver.prepare('select count(*) from kysely_migration').get();
      let seen = 0;
      await driver.backup(part, {
        progress: ({ totalPages, remainingPages }) => {
          const copied = totalPages === 0 ? 0 : Math.floor(bytes * (1 - remainingPages / totalPages));
          progress.passed(copied - seen);
          seen = copied;
          return PAGES_AT_ONCE;
        },
      });
    } finally {
      driver.close();
    }
    check(new Driver(part));
    chmodSync(part, 0o600);
    const handle = openSync(part, 'r+');
    fsyncSync(handle);
    closeSync(handle);
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    if (error instanceof CommandError) throw error;
    throw new CommandError(EXIT.failed, `${store} could not be copied to ${file}: ${(error as Error).message}`);
  } finally {
    process.off('SIGINT', giveUp);
    progress.end();
  }
}

/** One file, without a log beside it, that SQLite finds no fault in. */
function check(copied: import('better-sqlite3').Database): void {
  try {
    copied.pragma('journal_mode = delete');
    const found = copied.pragma('quick_check', { simple: true });
    if (found !== 'ok') throw new Error(`the copy is damaged: ${found}`);
  } finally {
    copied.close();
  }
}

function readArguments(argv: string[]): { file: string; data: string } {
  try {
    const options = { data: { type: 'string' }, store: { type: 'string' } } as const;
    const { values, positionals } = parseArgs({ args: argv, options, allowPositionals: true });
    if (values.store !== undefined)
      throw usageError('a store on PostgreSQL is backed up with pg_dump; errand backup copies the one in --data DIR');
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0)
      throw usageError(`found ${positionals.length} files: expected one; errand backup --help`);
    return { file: path.resolve(file), data: path.resolve(values.data ?? 'errand-data') };
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw usageError((error as Error).message.split('. ')[0]!);
  }
}
