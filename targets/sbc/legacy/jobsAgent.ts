import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OPERATION_PREFIX, ROLL_BACK, shortened } from '../../../runtime/jobs/operations.ts';
import type { StatusDetails } from '../../../runtime/jobs/statusDetails.ts';
import type { Programs, ProgramsOptions } from '../../../transports/programs.ts';
import { syncFolder } from '../../../transports/record.ts';
import { reboot, SHUTDOWN_MINUTES, shutdownIn } from '../builtins/power.ts';
import { firstProgram } from '../builtins/tools.ts';
import type { Handler, HandlerContext } from '../handlers/handler.ts';
import { type Downloader, hostHandlers } from '../handlers/host.ts';
import type { Settings } from '../settings.ts';
import { openPackages, type Package, type Packages, type Placed } from './packages.ts';

/** A document of install, as it was checked by runtime/jobs/operations.ts. */
interface Install extends Package {
  files: { fileName: string; checksum?: { hashAlgorithm?: string; inline?: { value: string } } }[];
}

/**
 * The operations of aws-iot-device-sdk-js, examples/jobs-agent.js, as handlers. Only an agent that takes its documents has them: they run
 * commands that a document names.
 */
export function jobsAgent(
  settings: Settings,
  download: Downloader,
  packages = openPackages(settings.data, settings.thingName),
): { handlers: Handler[]; end(): void } {
  const handlers: Handler[] = [
    operation('install', (context) => install(settings, download, packages, context)),
    { name: ROLL_BACK, run: ({ args, signal }) => rollBack(packages, args[0]!, signal) },
    operation('start', (context) => start(packages, context)),
    operation('stop', async ({ document }) => {
      await packages.stop(nameIn(document));
      return { state: 'package stopped' };
    }),
    operation('restart', async (context) => {
      await packages.stop(nameIn(context.document));
      return start(packages, context);
    }),
    operation('reboot', async ({ args: [delay], execute }) => {
      const code = await (delay === '0' ? reboot({ execute }) : execute(firstProgram(['shutdown']), '-r', `+${delay}`));
      if (code !== 0) throw failure('ERR_SYSTEM_CALL_FAILED', `it exited with ${code}`);
      return {};
    }),
    operation('shutdown', async ({ args: [delay], execute }) => {
      // Success is reported before the machine is off: never less than a minute.
      const code = await shutdownIn(Math.max(SHUTDOWN_MINUTES, Number(delay)), execute);
      if (code !== 0) throw failure('ERR_SYSTEM_CALL_FAILED', `it exited with ${code}`);
      return { step: 'initiated' };
    }),
    operation('systemStatus', async () => ({
      installedPackages: `[${packages.kept.installed.map(({ packageName }) => packageName).join(', ')}]`,
      arch: process.arch,
      nodeVersion: process.version,
      cwd: process.cwd(),
      platform: process.platform,
      title: process.title,
      uptime: `${process.uptime()}`,
    })),
  ];
  return { handlers, end: () => packages.end() };
}

/** Runs handlers and programs as `hostHandlers` does, with the operations among them. */
export function withJobsAgent(
  settings: Settings,
  others: readonly Handler[],
  download: Downloader,
  options: ProgramsOptions,
): Programs {
  const { handlers, end } = jobsAgent(settings, download);
  const programs = hostHandlers([...others, ...handlers], download)(options);
  return {
    ...programs,
    end: () => {
      end();
      programs.end();
    },
  };
}

/** What failed, in the words that jobs-agent.js reports. */
interface Failed extends Error {
  details?: StatusDetails;
}

function failure(errorCode: string, text: string, member = 'errorMessage'): Failed {
  return Object.assign(new Error(text), { details: { errorCode, [member]: shortened(text) } });
}

/** A handler that concludes with what its work gives, or with how that failed. */
function operation(name: string, work: (context: HandlerContext) => Promise<StatusDetails>): Handler {
  return {
    name: OPERATION_PREFIX + name,
    run: async (context) => {
      try {
        context.conclude(await work(context));
      } catch (error) {
        const { details, message } = error as Failed;
        context.conclude(details ?? { errorCode: 'ERR_UNEXPECTED', errorMessage: shortened(message) });
        throw error;
      }
      return 0;
    },
  };
}

function nameIn(document: object): string {
  return (document as Package).packageName;
}

async function start(packages: Packages, { document, signal }: HandlerContext): Promise<StatusDetails> {
  const name = nameIn(document);
  const one = packages.find(name);
  if (!one) throw failure('ERR_INVALID_PACKAGE_NAME', `no package installed called: ${name}`);
  await packages.start(one, signal).catch((error: Error) => {
    throw failure('ERR_UNABLE_TO_START_PACKAGE', error.message);
  });
  return { state: 'package started' };
}

/**
 * Loads every file beside its place, checks it, and only then puts all of them there; what was there is kept as `FILE.old`.
 * When anything fails from then on, also by a power cut, the step's clean-up takes it back.
 */
async function install(
  settings: Settings,
  download: Downloader,
  packages: Packages,
  context: HandlerContext,
): Promise<StatusDetails> {
  const document = context.document as unknown as Install;
  const { packageName, files, launchCommand, autoStart } = document;
  const folder = packages.folderOf(document);
  for (const [i, { fileName, checksum }] of files.entries()) {
    const told = { step: 'downloading', fileName };
    context.progress(told);
    try {
      mkdirSync(dirname(join(folder, fileName)), { recursive: true });
      await load(context.args[i]!, `${fileName}.new`, i);
      await check(join(folder, `${fileName}.new`), checksum);
    } catch (error) {
      for (const { fileName } of files) rmSync(join(folder, `${fileName}.new`), { force: true });
      throw failure('ERR_DOWNLOAD_FAILED', (error as Error).message, 'downloadError');
    }
  }
  place();
  if (launchCommand && autoStart) {
    context.progress({ step: 'restarting package' });
    await packages.stop(packageName);
    await packages.start(document, context.signal).catch((error: Error) => {
      throw failure('ERR_UNEXPECTED_PACKAGE_EXIT', error.message);
    });
    // Without its files: they are only for an install.
    const { files: _, ...kept } = document;
    packages.kept.installed = [...packages.kept.installed.filter((one) => nameIn(one) !== packageName), kept];
  }
  packages.kept.placing = undefined;
  packages.save();
  return { state: launchCommand && autoStart ? 'package installed and started' : 'package files installed' };

  async function load(url: string, file: string, i: number): Promise<void> {
    if (!/^https?:/.test(url)) {
      copyFileSync(url.startsWith('file:') ? fileURLToPath(url) : url, join(folder, file));
      return;
    }
    const { fileName } = files[i]!;
    const progress = (more: StatusDetails) => context.progress({ step: 'downloading', fileName, ...more });
    const refresh = async () => (await context.freshArgs())[i]!;
    await download({ ...settings, downloads: folder }, { ...context, progress }, { url, file, refresh });
  }

  function place(): void {
    try {
      const placed: Placed[] = files.map(({ fileName }) => {
        const file = join(folder, fileName);
        return { file, hadOld: existsSync(file) };
      });
      // What an earlier install left: taken back is this one alone.
      for (const { file } of placed) rmSync(`${file}.old`, { force: true });
      packages.kept.placing = { packageName, files: placed };
      packages.save();
      for (const { file, hadOld } of placed) {
        if (hadOld) {
          chmodSync(`${file}.new`, statSync(file).mode);
          renameSync(file, `${file}.old`);
        }
        renameSync(`${file}.new`, file);
        syncFolder(dirname(file));
      }
    } catch (error) {
      throw failure('ERR_FILE_COPY_FAILED', (error as Error).message, 'backupError');
    }
  }
}

async function check(file: string, checksum: Install['files'][number]['checksum']): Promise<void> {
  if (!checksum?.hashAlgorithm) return;
  const hash = createHash(checksum.hashAlgorithm.toLowerCase().replace('-', ''));
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  if (hash.digest('hex') !== checksum.inline!.value.toLowerCase()) throw new Error('Checksum mismatch');
}

/** Nothing is left of an install that failed: the files are those of before, and what ran before runs again. */
async function rollBack(packages: Packages, packageName: string, signal: AbortSignal): Promise<number> {
  const { placing } = packages.kept;
  if (placing?.packageName !== packageName) return 0;
  await packages.stop(packageName);
  for (const { file, hadOld } of placing.files) {
    if (!hadOld) rmSync(file, { force: true });
    else if (existsSync(`${file}.old`)) renameSync(`${file}.old`, file);
    rmSync(`${file}.new`, { force: true });
  }
  packages.kept.placing = undefined;
  packages.save();
  const before = packages.find(packageName);
  if (before?.launchCommand && (before.autoStart ?? true)) await packages.start(before, signal);
  return 0;
}
