import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Refusal, readWords, say } from './commands.ts';

interface Init {
  /** What is there where it runs. */
  sign: string;
  file: string;
  mode: number;
  text: (command: string) => string;
  next: string;
}

const NAME = 'errand-agent';
/** Of the command that is written: Node, two flags, the agent, and its configuration. */
const WORDS = 6;
const SCRIPT = { file: `/etc/init.d/${NAME}`, mode: 0o755 };

const INITS: Record<string, Init> = {
  systemd: {
    sign: '/run/systemd/system',
    file: `/etc/systemd/system/${NAME}.service`,
    mode: 0o644,
    next: `systemctl daemon-reload && systemctl enable --now ${NAME}`,
    text: (command) => `[Unit]
Description=Errand agent
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
NotifyAccess=all
WatchdogSec=300
ExecStart=${command}
Restart=always
RestartSec=5
KillMode=control-group

[Install]
WantedBy=multi-user.target
`,
  },
  openrc: {
    ...SCRIPT,
    sign: '/sbin/openrc-run',
    next: `rc-update add ${NAME} && rc-service ${NAME} start`,
    text: (command) => `#!/sbin/openrc-run
name="Errand agent"
supervisor=supervise-daemon
command="${command.split(' ')[0]}"
command_args="${command.split(' ').slice(1).join(' ')}"
respawn_delay=5
retry="TERM/20/KILL/5"
depend() { need net; }
`,
  },
  procd: {
    ...SCRIPT,
    sign: '/sbin/procd',
    next: `/etc/init.d/${NAME} enable && /etc/init.d/${NAME} start`,
    text: (command) => `#!/bin/sh /etc/rc.common
USE_PROCD=1
START=95
start_service() {
  procd_open_instance
  procd_set_param command ${command}
  procd_set_param respawn 3600 5 0
  procd_set_param term_timeout 20
  procd_set_param stdout 1
  procd_set_param stderr 1
  procd_close_instance
}
`,
  },
};

const USAGE = 'expected: errand-agent install [--init NAME] [--config FILE] [--root FOLDER] [--force] [--dry-run]';

/** Writes what starts the agent with the machine, and keeps it running. @returns 0. @throws Refusal */
export function install(args: readonly string[]): number {
  const { given, lone } = readWords(args, 'init config root', 'force dry-run', USAGE);
  if (lone.length > 0) throw new Refusal(USAGE);
  const { root = '/' } = given;
  const config = resolve(given.config ?? '/etc/errand/agent.json');
  const wanted = given.init ?? Object.keys(INITS).find((name) => existsSync(INITS[name]!.sign));
  const init = wanted && Object.hasOwn(INITS, wanted) ? INITS[wanted]! : undefined;
  if (!init)
    throw new Refusal(`${wanted ?? 'no init system was found'}: give --init ${Object.keys(INITS).join(', --init ')}`);
  const { file, mode, text, next } = init;
  const command = `${process.execPath} --use-openssl-ca --max-semi-space-size=1 ${resolve(process.argv[1]!)} --config ${config}`;
  // Each init system has quotes of its own, and shells run what stands in some of them.
  if (!/^[\w@+=:,./ -]+$/.test(command) || command.split(' ').length > WORDS)
    throw new Refusal(`${command}: expected paths of letters, digits and _@+=:,.- only`);
  const script = text(command);
  const target = join(root, file);
  if (given['dry-run']) {
    say(`would write ${target}:\n${script}`);
    return 0;
  }
  try {
    if (existsSync(target) && readFileSync(target, 'utf8') !== script && !given.force)
      throw new Error('it is there and differs: look, or give --force');
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, script, { mode });
  } catch (error) {
    throw new Refusal(`${target} was not written: ${(error as Error).message}`, 1);
  }
  say(`written: ${target}\nnow run: ${next}`);
  if (!existsSync(config)) say(`then ${config} is needed: errand-agent doctor --config ${config} says what goes in`);
  return 0;
}
