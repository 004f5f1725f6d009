/** The same for who a device is: provisioning by claim and a rotation under strace, with the power cut at each call on identity.json. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Kept, readIdentity } from '../../../targets/sbc/provisioning/identityFile.ts';
import { startChild } from '../../child.ts';
import { hasTool } from '../../tools.ts';
import { arnOf, FULL_AGENT, openHouse } from '../house.ts';
import { cuts, lay } from './disk.ts';
import { type Op, readTrace, tracing } from './trace.ts';

const TEMPLATE = new URL('../../../examples/fleet.json', import.meta.url).pathname;
const ROTATE = new URL('../../../examples/rotate.json', import.meta.url).pathname;

/** Which of its identities a device has, in the order in which they come. */
function stateOf({ pair, next, previous }: Kept): string {
  return `${pair ? 'own' : 'claim'}${next ? ' next' : ''}${previous ? ' previous' : ''}`;
}

(hasTool('strace', 'strace') ? test : test.skip)(
  'identity: after a cut at any call the claim is in use, or one identity that is whole; never half of one',
  async () => {
    const house = await openHouse();
    const scratch = mkdtempSync(path.join(os.tmpdir(), 'errand-identity-cuts-'));
    try {
      const { errand, folder, endpoints } = house;
      const role = ['--provisioning-role-arn', 'arn:aws:iam::123456789012:role/fleet', '--enabled'];
      await errand(
        'create-provisioning-template',
        '--template-name',
        'fleet',
        '--template-body',
        `file://${TEMPLATE}`,
        ...role,
      );
      const made = (await errand('create-provisioning-claim', '--template-name', 'fleet')) as unknown as {
        certificatePem: string;
        keyPair: { PrivateKey: string };
      };
      const [cert, key] = [path.join(folder, 'claim.pem'), path.join(folder, 'claim.key')];
      writeFileSync(cert, made.certificatePem);
      writeFileSync(key, made.keyPair.PrivateKey, { mode: 0o600 });
      const data = path.join(folder, 'board.data');
      const log = path.join(folder, 'board.strace');
      const [program, ...words] = tracing(log);
      const flags = ['--endpoint', endpoints.mqtts, '--ca', endpoints.ca, '--claim-cert', cert, '--claim-key', key];
      const more = ['--template', 'fleet', '--parameters', 'SerialNumber=1', '--data', data, '--handlers', '/nowhere'];
      const agent = startChild(program, [...words, FULL_AGENT, ...flags, ...more]);
      await agent.line(/ connected$/);
      await errand('create-job', '--job-id', 'rotate', '--targets', arnOf('pump-1'), '--document', `file://${ROTATE}`);
      const { status, statusDetails } = await house.until('rotate', 'pump-1', 'SUCCEEDED', 'FAILED');
      assert.is(status, 'SUCCEEDED', JSON.stringify(statusDetails));
      assert.is(await agent.kill('SIGTERM'), 0);
      assert.is(statSync(path.join(data, 'identity.json')).mode & 0o777, 0o600);

      const seen = cutIdentity(readTrace(log, [data]), data, scratch);
      assert.equal(seen, ['claim', 'claim next', 'own', 'own next', 'own previous', 'own']);
    } finally {
      rmSync(scratch, { recursive: true });
      await house.end();
    }
  },
);

/** @returns the states that it came through, in their order */
function cutIdentity(ops: readonly Op[], data: string, folder: string): string[] {
  const names = ['identity.json', 'identity.json.new'];
  const numbers = new Set(ops.flatMap((op) => (op.do === 'name' && names.includes(op.name) ? op.file : [])));
  const own = ops.filter(
    (op) =>
      ('file' in op && numbers.has(op.file)) ||
      op.do === 'sync folder' ||
      (op.do === 'unname' && names.includes(op.name)),
  );
  const seen = ['claim'];
  let states = 0;
  for (let cut = 1; cut <= own.length; cut++) {
    for (const { files } of cuts(own, cut)) {
      states += 1;
      lay(files, data, folder);
      const state = stateOf(readIdentity(folder));
      // The state before, or the one that is being written: any other makes the list another one.
      if (!seen.slice(-2).includes(state)) seen.push(state);
    }
  }
  console.log(`\n  identity.json: ${own.length} calls, ${states} states of the disk`);
  return seen;
}

test.run();
