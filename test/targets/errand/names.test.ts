import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { optionOf } from '../../../targets/errand/arguments.ts';
import { skeletonOf } from '../../../targets/errand/skeleton.ts';
import { hyphenated } from '../../../targets/service/operations/operation.ts';
import { AWS_OPERATIONS } from '../../../targets/service/operations/table.ts';
import { runChild } from '../../child.ts';
import { hasTool } from '../../tools.ts';

/** Debian's python, whose packages have the AWS CLI. */
const PYTHON = '/usr/bin/python3';

/** For each operation of the AWS CLI: its command, its options by member, and its skeleton. */
const TABLE = `
import json
from awscli.botocore.session import get_session
from awscli.botocore import xform_name
from awscli.botocore.utils import ArgumentGenerator
model = get_session().get_service_model('iot')
said = {}
for name in model.operation_names:
    shape = model.operation_model(name).input_shape
    members = list(shape.members) if shape else []
    skeleton = ArgumentGenerator().generate_skeleton(shape) if shape else {}
    said[name] = dict(command=xform_name(name, '-'), options={m: '--' + xform_name(m, '-') for m in members}, skeleton=skeleton)
print(json.dumps(said, default=str))
`;

interface AwsCommand {
  command: string;
  options: Record<string, string>;
  skeleton: Record<string, unknown>;
}

test('every operation of AWS has the command and the options that the AWS CLI has', async () => {
  if (!hasTool('/usr/bin/aws', 'awscli')) return;
  const { code, stdout, stderr } = await runChild(PYTHON, ['-c', TABLE], { env: { PATH: process.env.PATH } });
  assert.is(code, 0, stderr);
  const aws = JSON.parse(stdout) as Record<string, AwsCommand>;
  for (const operation of AWS_OPERATIONS) {
    const theirs = aws[operation.name];
    assert.ok(theirs, `${operation.name}: not in the AWS CLI`);
    assert.is(hyphenated(operation.name), theirs.command);
    const skeleton = JSON.parse(skeletonOf(operation));
    for (const member of Object.keys(operation.input)) {
      const option = theirs.options[member];
      if (option === undefined) continue; // younger than Debian's CLI; model.test.ts compares with the present model
      assert.is(optionOf(member), option, operation.name);
      assert.is(typeof skeleton[member], typeof theirs.skeleton[member], `${operation.name}.${member}`);
    }
    const missing = Object.keys(theirs.options).filter((member) => !Object.hasOwn(operation.input, member));
    assert.equal(missing, [], `${operation.name}: options of the AWS CLI that errand has not`);
  }
});

test.run();
