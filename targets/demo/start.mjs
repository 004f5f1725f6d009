/**
 * `npm start`: one job, from order to report, with everything on this machine.
 *
 *   npm start              installs and builds what is missing, runs the example job, ends everything
 *   npm start -- --stay    leaves the service and the agent running and says what to type next
 */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, ensureInstalled } from '../../build.mjs';
import { runProgram, startProgram } from './program.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const ERRAND = path.join(root, 'dist/errand.mjs');
const AGENT = path.join(root, 'dist/errand-agent.cjs');
const THING = 'demo-board';
const JOB = 'hello';

const USAGE = `npm start: runs one job on this machine, from order to report

  npm start              installs and builds what is missing, runs examples/hello.json, ends everything
  npm start -- --stay    leaves the service and the agent running and says what to type next
`;

const unknown = process.argv.slice(2).find((word) => !['--stay', '--help'].includes(word));
if (unknown !== undefined || process.argv.includes('--help')) {
  console.log(unknown === undefined ? USAGE : `npm start: unknown argument ${unknown}\n\n${USAGE}`);
  process.exit(unknown === undefined ? 0 : 2);
}
const stay = process.argv.includes('--stay');

ensureInstalled();
await build();

const folder = mkdtempSync(path.join(os.tmpdir(), 'errand-demo-'));
const running = [];
let ending = false;
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void end(stay ? 0 : 130));

try {
  await demonstrate();
} catch (error) {
  if (!ending) {
    console.error(`\nthe demonstration failed: ${error.message}`);
    await end(1);
  }
}

async function demonstrate() {
  console.log('\nErrand runs one job, from order to report. Service and device are two processes of this machine.\n');
  const data = path.join(folder, 'service');
  const ports = ['--mqtt-port', '0', '--https-port', '0', '--data-port', '0', '--files-port', '0'];
  const service = start([ERRAND, 'service', '--data', data, ...ports]);
  await service.line(/ ready: /);
  const endpointsFile = path.join(data, 'endpoints.json');
  const endpoints = JSON.parse(readFileSync(endpointsFile, 'utf8'));
  const errand = (...args) => runProgram(process.execPath, [ERRAND, ...args, '--endpoints', endpointsFile]);
  say('service', `listens for devices on ${endpoints.mqtts} and for operators on ${endpoints.https}`);

  const identity = await register(errand);
  say('operator', `registered the Thing ${THING} and made it a certificate of its own`);

  const document = path.join(root, 'examples/hello.json');
  const arn = `arn:aws:iot:${endpoints.region}:123456789012:thing/${THING}`;
  await errand('create-job', '--job-id', JOB, '--targets', arn, '--document', `file://${document}`);
  const { steps } = JSON.parse(readFileSync(document, 'utf8'));
  say(
    'operator',
    `created the job ${JOB} from examples/hello.json: ${steps.map(({ action }) => action.name).join(', then ')}`,
  );
  say('service', `holds it as ${(await execution(errand)).status}: the device is not there yet`);

  const agent = start([AGENT, ...agentFlags(endpoints, identity), '--log', 'json']);
  agent.onLine((line) => tellAgent(line));
  const [outcome] = await agent.line(/job hello: (SUCCEEDED|FAILED|REJECTED)/);
  const told = await reported(errand);
  say('service', `holds it as ${told.status}`);
  for (const line of (told.statusDetails.detailsMap?.stdout ?? '').trimEnd().split('\n')) say('', `  | ${line}`);
  if (told.status !== 'SUCCEEDED')
    throw new Error(`${outcome}: ${told.statusDetails.detailsMap?.reason ?? 'no reason given'}`);
  if (!stay) {
    await end(0);
    return;
  }
  explain(endpointsFile, arn);
}

/** The device's certificate and key lie in files of its own, as they would on a board; the service keeps no key. */
async function register(errand) {
  await errand('create-thing', '--thing-name', THING);
  const made = await errand('create-keys-and-certificate', '--set-as-active');
  await errand('attach-thing-principal', '--thing-name', THING, '--principal', made.certificateArn);
  const device = path.join(folder, 'device');
  mkdirSync(device, { mode: 0o700 });
  const identity = {
    folder: device,
    cert: path.join(device, 'cert.pem'),
    key: path.join(device, 'key.pem'),
    handlers: path.join(device, 'handlers'),
  };
  writeFileSync(identity.cert, made.certificatePem);
  writeFileSync(identity.key, made.keyPair.PrivateKey, { mode: 0o600 });
  cpSync(path.join(root, 'examples/handlers'), identity.handlers, { recursive: true });
  // Whatever umask this was cloned with: a handler that others could change is refused.
  chmodSync(identity.handlers, 0o700);
  chmodSync(path.join(identity.handlers, 'leave-note.sh'), 0o700);
  return identity;
}

function agentFlags(endpoints, { folder: device, cert, key, handlers }) {
  const data = path.join(device, 'data');
  return [
    '--endpoint',
    endpoints.mqtts,
    '--thing',
    THING,
    '--ca',
    endpoints.ca,
    '--cert',
    cert,
    '--key',
    key,
    '--data',
    data,
    '--handlers',
    handlers,
  ];
}

async function execution(errand) {
  return (await errand('describe-job-execution', '--job-id', JOB, '--thing-name', THING)).execution;
}

/** Asks until the report has arrived: the device tells its log first, the service a moment later. */
async function reported(errand) {
  for (;;) {
    const now = await execution(errand);
    if (!['QUEUED', 'IN_PROGRESS'].includes(now.status)) return now;
  }
}

function tellAgent(line) {
  let event;
  try {
    event = JSON.parse(line);
  } catch {
    return say('device', line);
  }
  const { level, message } = event;
  if (ending || level === 'debug' || message.startsWith('errand-agent ')) return;
  say('device', message.replace(/^job hello: /, ''));
}

function explain(endpointsFile, arn) {
  const command = `node ${path.relative(process.cwd(), ERRAND)}`;
  console.log(`
Both keep running until Ctrl-C. In another terminal:

  export ERRAND_ENDPOINTS=${endpointsFile}
  ${command} list-jobs
  ${command} create-job --job-id second --targets ${arn} --document file://${path.join(root, 'examples/hello.json')}
  ${command} describe-job-execution --job-id second --thing-name ${THING}
  ${command} --help
`);
}

function say(who, what) {
  if (!ending) console.log(`  ${who.padEnd(9)} ${what}`);
}

function start(args) {
  const program = startProgram(process.execPath, args);
  running.push(program);
  program.ended.then((how) => {
    if (ending) return;
    console.error(`\n${path.basename(args[0])} ended unexpectedly (${how}):\n${program.lines.slice(-20).join('\n')}`);
    void end(1);
  });
  return program;
}

/** The device first, then the service: each ends cleanly, and nothing stays behind. */
async function end(code) {
  if (ending) return;
  ending = true;
  for (const program of running.reverse()) await program.stop();
  rmSync(folder, { recursive: true, force: true });
  if (code === 0) console.log('\nAll ended, nothing left behind.');
  process.exit(code);
}
