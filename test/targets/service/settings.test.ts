import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readServiceSettings } from '../../../targets/service/settings.ts';

const DAY = 86_400_000;

function read(...argv: string[]) {
  const settings = readServiceSettings(argv);
  if (settings === 'help') throw new Error('help');
  return settings;
}

test('retention is 730 days unless --retention-days says another number of whole days', () => {
  const retentionOf = (...argv: string[]) => {
    const settings = read(...argv);
    return 'faults' in settings ? settings.faults : settings.retentionMillis;
  };
  assert.is(retentionOf(), 730 * DAY);
  assert.is(retentionOf('--retention-days', '1'), DAY);
  for (const wrong of ['0', '1.5', '-3', '36501', 'x', ''])
    assert.equal(
      retentionOf(`--retention-days=${wrong}`),
      [`--retention-days is '${wrong}': expected 1 to 36500`],
      wrong,
    );
});

test('devices find MQTT at 8883 and HTTPS at 8443 unless other ports are given (data-plane §2, §8.1)', () => {
  const settings = read();
  assert.ok(!('faults' in settings));
  assert.equal([settings.mqttPort, settings.dataPort], [8883, 8443]);
});

test('--log takes the words of the agent: a level, json, or both', () => {
  const logOf = (words: string) => {
    const settings = read('--log', words);
    return 'faults' in settings ? settings.faults : settings.log;
  };
  assert.equal(logOf('json'), { level: 'info', json: true });
  assert.equal(logOf('json,warn'), { level: 'warn', json: true });
  assert.equal(logOf('loud'), ["--log has 'loud': expected debug, info, warn, error or json"]);
});

test.run();
