/** The options of each command beside those that the AWS CLI itself has for it. */
import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readArguments } from '../../../targets/errand/arguments.ts';
import { operationHelp } from '../../../targets/errand/help.ts';
import { hyphenated } from '../../../targets/service/operations/operation.ts';
import { OPERATIONS } from '../../../targets/service/operations/table.ts';
import { lacks } from '../../tools.ts';

const SCRIPT = `
import json
from awscli.clidriver import create_clidriver
commands = create_clidriver()._get_command_table()['iot']._get_command_table()
print(json.dumps({name: list(command.arg_table) for name, command in commands.items() if hasattr(command, 'arg_table')}))
`;
// Debian's own Python: where its awscli is.
const asked = spawnSync('/usr/bin/python3', ['-W', 'ignore', '-c', SCRIPT], { encoding: 'utf8' });
if (asked.status === 0 || lacks('awscli', 'apt-get install awscli')) {
  const theirs = JSON.parse(asked.stdout) as Record<string, string[]>;

  test('every option that the AWS CLI has for a command, the same command takes here, and its help names it', async () => {
    const operations = OPERATIONS.filter(({ name }) => theirs[hyphenated(name)] !== undefined);
    assert.ok(operations.length >= 60, `${operations.length} commands of both`);
    for (const operation of operations) {
      const help = operationHelp(operation);
      for (const option of [...theirs[hyphenated(operation.name)]!, 'output', 'query']) {
        assert.match(help, new RegExp(`--${option}\\b`), `${hyphenated(operation.name)} --${option}`);
        const fault = await faultOf(readArguments(operation, [`--${option}`]));
        assert.not.match(fault, 'no option', `${hyphenated(operation.name)} --${option}`);
      }
    }
  });
}

/** Nearly all of them lack a value, or others that are required. */
async function faultOf(reading: Promise<unknown>): Promise<string> {
  try {
    await reading;
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

test.run();
