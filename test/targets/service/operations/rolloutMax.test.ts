import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withRolloutMax } from '../../../../targets/service/operations/rolloutMax.ts';
import { OPERATIONS } from '../../../../targets/service/operations/table.ts';
import { faultsMessage, validate } from '../../../../targets/service/operations/validate.ts';
import { readServiceSettings } from '../../../../targets/service/settings.ts';

const RATE = 60_000;

function faultOf(operations: typeof OPERATIONS | ReturnType<typeof withRolloutMax>, config: object): string {
  const { input } = operations.find(({ name }) => name === 'CreateJob')!;
  const given = { jobId: 'j', targets: ['t'], jobExecutionsRolloutConfig: config };
  const { faults } = validate(input, given);
  return faults.count === 0 ? 'none' : faultsMessage(faults);
}

test('a job may ask for 1000 executions a minute as in AWS, or for as many as the owner of the service allows', () => {
  const raised = withRolloutMax(OPERATIONS, RATE);
  const exponential = (rate: number) => ({
    exponentialRate: {
      baseRatePerMinute: rate,
      incrementFactor: 2,
      rateIncreaseCriteria: { numberOfNotifiedThings: 1 },
    },
  });
  for (const config of [{ maximumPerMinute: RATE }, exponential(RATE)]) {
    assert.match(faultOf(OPERATIONS, config), '1000');
    assert.is(faultOf(raised, config), 'none');
  }
  for (const config of [{ maximumPerMinute: RATE + 1 }, exponential(RATE + 1)])
    assert.match(faultOf(raised, config), String(RATE));
  assert.match(faultOf(raised, { maximumPerMinute: 0 }), 'maximumPerMinute');
  assert.is(withRolloutMax(OPERATIONS, 1_000), OPERATIONS);
});

test('--rollout-max is AWS’s 1000 or more', () => {
  const read = (...argv: string[]) => {
    const settings = readServiceSettings(argv);
    if (settings === 'help') throw new Error('help');
    return 'faults' in settings ? settings.faults : settings.rolloutPerMinuteMax;
  };
  assert.is(read(), 1_000);
  assert.is(read('--rollout-max', '60000'), RATE);
  for (const wrong of ['999', '600001', '1e4', ''])
    assert.equal(read(`--rollout-max=${wrong}`), [
      `--rollout-max is '${wrong}': expected 1000 to 600000 executions a minute`,
    ]);
});

test('--store is a URL of PostgreSQL; what is wrong with it is told without its password', () => {
  const read = (...argv: string[]) => {
    const settings = readServiceSettings(argv);
    if (settings === 'help') throw new Error('help');
    return 'faults' in settings ? settings.faults : settings.store;
  };
  assert.is(read('--data', '/d'), '/d/errand.db');
  assert.is(read('--store', 'postgres://u@h/d'), 'postgres://u@h/d');
  assert.equal(read('--store', '/some/file'), [
    "--store is '/some/file': expected postgres://USER@HOST[:PORT]/DATABASE",
  ]);
  assert.equal(read('--store', 'postgres://u:secret@h/'), [
    "--store is 'postgres://u:***@h/', which names no database: expected postgres://USER@HOST[:PORT]/DATABASE",
  ]);
});

test.run();
