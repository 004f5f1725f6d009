import { chooseShell } from '../../transports/serial/chooseShell.ts';
import { Failure } from '../sbc/agent.ts';
import { createLog, type Log, print } from '../sbc/log.ts';
import { type Bench, flash, monitor, ping, ports, run } from './benchTools.ts';
import { runBridge } from './bridge.ts';
import { WrongWord } from './commandArguments.ts';
import { isTool, readTool, type Tool, toolHelp } from './commandLine.ts';
import { scan } from './scan.ts';
import { bridgeHelp, readBridgeSettings } from './settings.ts';

declare const ERRAND_VERSION: string;

const EXIT_WRONG = 2;

/**
 * The bridge, or one of its tools, from its arguments to its end.
 *
 * @param argv  without node and script
 * @returns     the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    print(isTool(argv[0]) ? toolHelp() : `${bridgeHelp()}\n${toolHelp()}`);
    return 0;
  }
  if (argv.includes('--version')) {
    print(`${version()}\n`);
    return 0;
  }
  if (!isTool(argv[0])) {
    if (argv[0] === undefined || argv[0].startsWith('-')) return bridge(argv);
    return refuse(`unknown command '${argv[0]}': see --help`);
  }
  let tool: Tool;
  try {
    tool = readTool(argv);
  } catch (error) {
    return refuse((error as Error).message);
  }
  try {
    return await runTool(tool);
  } catch (error) {
    complain(`errand-bridge: ${(error as Error).message}`);
    return error instanceof WrongWord ? EXIT_WRONG : 1;
  }
}

async function bridge(argv: readonly string[]): Promise<number> {
  const settings = readBridgeSettings(argv, process.env);
  if ('faults' in settings) {
    for (const fault of settings.faults) refuse(fault);
    return EXIT_WRONG;
  }
  const log = createLog(settings.log);
  for (const warning of settings.warnings) log('warn', warning);
  // What nobody caught is our own mistake: one line, and the end. The records say where to go on.
  process.on('uncaughtException', (error) => {
    tellFailure(log, error);
    process.exit(1);
  });
  try {
    const { host, port, data, clientId } = settings;
    const { shell, why } = await chooseShell(settings.shell);
    log('info', `errand-bridge ${version()}: client ${clientId}, endpoint ${host}:${port}, data in ${data}`);
    log('info', why);
    await runBridge(settings, shell, log);
    log('info', 'ended');
    return 0;
  } catch (error) {
    tellFailure(log, error);
    return 1;
  }
}

function tellFailure(log: Log, error: unknown): void {
  if (error instanceof Failure) return log('error', error.message);
  log('error', `a mistake in the bridge: ${error}`);
  log('debug', `${(error as Error).stack}`);
}

async function runTool(tool: Tool): Promise<number> {
  // What nobody takes (EPIPE, ENOSPC) is lost; the tool goes on, and ends as it would.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  if (tool.tool === 'ports') return ports(show);
  const { bauds, addr, lines, waitMillis, hex, listen, count, image, from, to, answerMillis } = tool.options;
  const { shell, why } = await chooseShell(tool.options.shell);
  if (tool.tool === 'monitor' || shell.name === 'tty') complain(why);
  const bench: Bench = {
    port: tool.port,
    bauds,
    addr,
    shell,
    ...(lines ? { lines } : {}),
    waitMillis,
    interrupted: tool.tool === 'monitor' ? Promise.race([untilInterrupted(), untilUnread()]) : untilInterrupted(),
    print: show,
    complain,
  };
  switch (tool.tool) {
    case 'monitor':
      return monitor(bench, { hex, listen });
    case 'ping':
      return ping(bench, count);
    case 'scan':
      return scan(bench, { from, to, answerMillis });
    case 'run':
      return run(bench, tool.command, tool.args);
    case 'flash':
      return flash(bench, tool.file, image);
  }
}

/** The first Ctrl-C ends cleanly; a second one does not wait. */
function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        process.once(signal, () => process.exit(130));
        resolve();
      });
  });
}

/** Nothing is left to do for a monitor that nobody reads (`monitor PORT | head`). */
function untilUnread(): Promise<void> {
  return new Promise((resolve) => void process.stdout.once('error', () => resolve()));
}

function show(line: string): void {
  process.stdout.write(`${line}\n`);
}

function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}

function refuse(fault: string): number {
  print(`errand-bridge: ${fault}\n`, 2);
  return EXIT_WRONG;
}

function version(): string {
  return typeof ERRAND_VERSION === 'string' ? ERRAND_VERSION : 'from source';
}
