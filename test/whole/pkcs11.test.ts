/** A private key that never leaves its token: SoftHSM in the place of a secure element. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Child, runChild, startChild } from '../child.ts';
import { hasTool, lacks } from '../tools.ts';
import { FULL_AGENT, type House, type Identity, openHouse } from './house.ts';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const PIN = '846201';

interface Context {
  house: House;
  folder: string;
  env: NodeJS.ProcessEnv;
  pin: string;
  agents: Child[];
}

const tools = [hasTool('softhsm2-util', 'softhsm2'), hasTool('pkcs11-tool', 'opensc'), hasEngine()].every(Boolean);
const pkcs11 = suite<Context>('pkcs11');
const promise = tools ? pkcs11 : pkcs11.skip;

/** Debian's OpenSSL and the agent look at the same place. */
function hasEngine(): boolean {
  const found = readdirSync('/usr/lib').some((folder) => {
    try {
      return readdirSync(`/usr/lib/${folder}/engines-3`).includes('pkcs11.so');
    } catch {
      return false;
    }
  });
  return found || lacks('pkcs11.so', 'apt-get install libengine-pkcs11-openssl');
}

pkcs11.before(async (context) => {
  if (!tools) return;
  context.house = await openHouse();
  context.agents = [];
  const folder = path.join(context.house.folder, 'token');
  mkdirSync(path.join(folder, 'tokens'), { recursive: true });
  writeFileSync(path.join(folder, 'softhsm2.conf'), `directories.tokendir = ${folder}/tokens\n`);
  context.folder = folder;
  context.env = { ...process.env, SOFTHSM2_CONF: path.join(folder, 'softhsm2.conf') };
  context.pin = path.join(folder, 'pin');
  writeFileSync(context.pin, `${PIN}\n`, { mode: 0o600 });
  await run(context, 'softhsm2-util', '--init-token', '--free', '--label', 'a board', '--pin', PIN, '--so-pin', '1234');
});
pkcs11.after(async ({ house, agents }) => {
  for (const agent of agents ?? []) await agent.kill();
  await house?.end();
});

async function run({ env }: Context, program: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await runChild(program, args, { env: { ...env, PKCS11_MODULE_PATH: MODULE } });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

const httpsOf = ({ service }: House): string =>
  `https://${/devices by HTTPS at (?:https:..)?([^,\s]+)/.exec(service.lines.join())![1]}`;

const uriOf = (label: string, { pin }: Context) =>
  `pkcs11:token=a%20board;object=${label};type=private?pin-source=file:${pin}&module-path=${MODULE}`;

/** A thing whose key is made in the token, and whose certificate is made of a request that the token signed. */
async function thingInToken(context: Context, thingName: string, keyType: string): Promise<Identity> {
  const { house, folder } = context;
  const login = ['--module', MODULE, '--token-label', 'a board', '--login', '--pin', PIN];
  // The halves of a pair are told by their id: the engine finds the public one by it.
  const id = Buffer.from(thingName).toString('hex');
  const made = ['--keypairgen', '--key-type', keyType, '--label', thingName, '--id', id];
  await run(context, 'pkcs11-tool', ...login, ...made);
  const csr = path.join(folder, `${thingName}.csr`);
  const key = `pkcs11:token=a%20board;object=${thingName};type=private;pin-value=${PIN}`;
  const request = ['req', '-new', '-engine', 'pkcs11', '-keyform', 'engine', '-key', key, '-subj', `/CN=${thingName}`];
  await run(context, 'openssl', ...request, '-out', csr);
  const answer = await house.errand(
    ...['create-certificate-from-csr', '--set-as-active', '--certificate-signing-request', readFileSync(csr, 'utf8')],
  );
  const { certificateArn, certificatePem } = answer as unknown as { certificateArn: string; certificatePem: string };
  await house.errand('create-thing', '--thing-name', thingName);
  await house.errand('attach-thing-principal', '--thing-name', thingName, '--principal', certificateArn);
  const cert = path.join(folder, `${thingName}.pem`);
  writeFileSync(cert, certificatePem);
  return { thingName, cert, key: uriOf(thingName, context) };
}

function flagsOf({ house }: Context, { thingName, cert, key }: Identity): string[] {
  const { mqtts, ca } = house.endpoints;
  const own = ['--endpoint', mqtts, '--thing', thingName, '--ca', ca, '--cert', cert, '--key', key];
  return [...own, '--data', path.join(house.folder, `${thingName}.data`), '--handlers', '/nowhere'];
}

async function succeeds(context: Context, jobId: string, thingName: string, agent: Child): Promise<void> {
  const { house, agents } = context;
  agents.push(agent);
  await agent.line(/ connected/);
  await house.job(jobId, thingName, 'echo,one', 'env');
  const { status, statusDetails } = await house.until(jobId, thingName, 'SUCCEEDED', 'FAILED', 'REJECTED');
  assert.is(status, 'SUCCEEDED', JSON.stringify(statusDetails));
}

promise(
  'a whole job over mutual TLS with an EC key, then an RSA key, in a token; the PIN is seen nowhere',
  async (context) => {
    const { house, env } = context;
    for (const [thingName, keyType, node, by] of [
      ['ec', 'EC:prime256v1', [], 'mqtts'],
      ['rsa', 'rsa:2048', ['--tls-max-v1.2'], 'mqtts'],
      ['rsa', '', [], 'https'],
    ] as const) {
      const identity = keyType
        ? await thingInToken(context, thingName, keyType)
        : { thingName, cert: path.join(context.folder, `${thingName}.pem`), key: uriOf(thingName, context) };
      const endpoint = by === 'https' ? httpsOf(house) : house.endpoints.mqtts;
      const how = { file: FULL_AGENT, env, endpoint, node: [process.execPath, ...node] as const };
      const agent = house.startAgent(how, identity);
      await succeeds(context, `${thingName}-${by}`, thingName, agent);
      const { pid } = agent;
      const shown = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'latin1'));
      assert.not.match([...shown, ...agent.lines].join('\n'), PIN);
      const open = readdirSync(`/proc/${pid}/fd`).map((fd) => {
        try {
          return readlinkSync(`/proc/${pid}/fd/${fd}`);
        } catch {
          return ''; // closed meanwhile
        }
      });
      assert.not.match(open.join('\n'), /pin/);
      assert.is(await agent.kill('SIGTERM'), 0);
    }
  },
);

promise('doctor says what is wrong with a token, and what to do; a refused PIN is not tried again', async (context) => {
  const { env, pin, house } = context;
  const identity = await thingInToken(context, 'patient', 'EC:prime256v1');
  const other = await house.thing('other');
  const saysOf = async (code: number, changed: Partial<Identity>, ...more: string[]) => {
    const flags = flagsOf(context, { ...identity, ...changed });
    const said = await runChild(process.execPath, [FULL_AGENT, 'doctor', ...flags, ...more], { env });
    assert.is(said.code, code, said.stdout);
    assert.not.match(said.stdout + said.stderr, PIN);
    return said.stdout;
  };
  const { key } = identity;
  const well = await saysOf(0, {});
  assert.match(well, /^ok {5}key: found, pkcs11:token=a%20board;object=patient;type=private\?pin-source=/m);
  assert.match(well, /^ok {5}service: connected/m);

  const wrong: [Partial<Identity>, string[], RegExp][] = [
    [
      { key: key.replace('patient', 'ghost') },
      [],
      /there is no pkcs11:token=a%20board;object=ghost;type=private: p11tool/,
    ],
    [{ cert: other.cert }, [], /pkcs11:\S+ is not the key of the certificate: give the two/],
    [{ key: key.replace(MODULE, pin) }, [], /the PKCS#11 module cannot be loaded: \/.*pin$/m],
    [{}, ['--key-engine', pin], /Node v\S+ cannot load the engine \/.*pin: it wants one for OpenSSL 3/],
  ];
  await Promise.all(
    wrong.map(async ([changed, more, said]) => {
      const stdout = await saysOf(1, changed, ...more);
      assert.match(stdout, said);
      assert.match(stdout, /^WRONG {2}key: /m);
      assert.not.match(stdout, /service/);
    }),
  );

  writeFileSync(pin, '0000\n');
  assert.match(
    await saysOf(1, {}),
    /^WRONG {2}key: the token refuses the PIN in \/.*pin: write the right one into it$/m,
  );
  assert.match(
    await saysOf(1, {}),
    /^WRONG {2}key: the token has refused the PIN in \/.*pin, which is not tried again/m,
  );
  const agent = startChild(process.execPath, [FULL_AGENT, ...flagsOf(context, identity)], { env });
  assert.is(await agent.ended, 2);
  assert.equal(agent.lines.length, 1);
  assert.match(agent.lines[0]!, /^errand-agent: ca, cert or key: the token has refused the PIN in /);
  writeFileSync(pin, `${PIN}\n`);
  await saysOf(0, {});
  chmodSync(pin, 0o644);
  assert.match(
    await saysOf(1, {}),
    /^WRONG {2}--key 'pkcs11:.*': mode 644 opens \/.*pin to others; run: chmod go-rwx /m,
  );
  chmodSync(pin, 0o600);
});

promise('the secure-element of AWS IoT Device Client is taken as it is, by label', async (context) => {
  const { house, folder, env } = context;
  const { cert } = await thingInToken(context, 'drop-in', 'EC:prime256v1');
  const home = path.join(folder, 'home');
  mkdirSync(path.join(home, '.aws-iot-device-client'), { recursive: true });
  const config = {
    ...{ endpoint: house.endpoints.mqtts, cert, key: '', 'root-ca': house.endpoints.ca, 'thing-name': 'drop-in' },
    ...{ tunneling: { enabled: false }, 'device-defender': { enabled: false }, logging: { level: 'INFO' } },
    'secure-element': {
      ...{ enabled: true, 'pkcs11-lib': MODULE, 'secure-element-pin': PIN, 'secure-element-slot-id': 3 },
      ...{ 'secure-element-key-label': 'drop-in', 'secure-element-token-label': 'a board' },
    },
  };
  const file = path.join(home, '.aws-iot-device-client/aws-iot-device-client.conf');
  writeFileSync(file, JSON.stringify(config), { mode: 0o644 });
  const agent = startChild(process.execPath, [FULL_AGENT], { env: { ...env, HOME: home }, cwd: folder });
  await succeeds(context, 'theirs', 'drop-in', agent);
  const said = agent.lines.join('\n');
  assert.match(said, /"secure-element-pin" in \/.*\.conf can be read by others; run: chmod 600 /);
  assert.match(said, /"secure-element-slot-id" in \/.*\.conf is not used: the token is told by its label/);
  assert.not.match(said, PIN);
  rmSync(home, { recursive: true });
});

pkcs11.run();
