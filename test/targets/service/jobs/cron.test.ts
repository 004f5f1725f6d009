import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Cron, nextMillis, parseCron } from '../../../../targets/service/jobs/cron.ts';

/** Monday. */
const FROM = Date.parse('2026-11-23T00:00:00Z');

function times(text: string, count: number, from = FROM): string[] {
  const cron = parseCron(text) as Cron;
  const found: string[] = [];
  for (let at = nextMillis(cron, from); at !== undefined && found.length < count; at = nextMillis(cron, at))
    found.push(new Date(at).toISOString().slice(0, 16).replace('T', ' '));
  return found;
}

const table: [text: string, ...times: string[]][] = [
  ['cron(0 18 ? * MON *)', '2026-11-23 18:00', '2026-11-30 18:00'],
  ['0 18 ? * 2 *', '2026-11-23 18:00', '2026-11-30 18:00'],
  ['cron(* * * * ? *)', '2026-11-23 00:01', '2026-11-23 00:02'],
  ['cron(0/20 8-9 ? * MON-FRI *)', '2026-11-23 08:00', '2026-11-23 08:20', '2026-11-23 08:40', '2026-11-23 09:00'],
  ['cron(5,50-59/5 23 * * ? *)', '2026-11-23 23:05', '2026-11-23 23:50', '2026-11-23 23:55', '2026-11-24 23:05'],
  ['cron(0 0 L * ? *)', '2026-11-30 00:00', '2026-12-31 00:00', '2027-01-31 00:00', '2027-02-28 00:00'],
  ['cron(0 0 LW * ? *)', '2026-11-30 00:00', '2026-12-31 00:00', '2027-01-29 00:00'],
  ['cron(0 0 15W * ? *)', '2026-12-15 00:00', '2027-01-15 00:00', '2027-02-15 00:00'],
  ['cron(0 0 1W * ? *)', '2026-12-01 00:00', '2027-01-01 00:00', '2027-02-01 00:00', '2027-03-01 00:00'],
  ['cron(0 0 1W 5 ? *)', '2027-05-03 00:00'],
  ['cron(0 9 ? * 6#3 *)', '2026-12-18 09:00', '2027-01-15 09:00'],
  ['cron(0 9 ? * FRI#5 *)', '2027-01-29 09:00', '2027-04-30 09:00'],
  ['cron(0 9 ? * 5L *)', '2026-11-26 09:00', '2026-12-31 09:00'],
  ['cron(0 0 31 * ? *)', '2026-12-31 00:00', '2027-01-31 00:00', '2027-03-31 00:00'],
  ['cron(0 0 29 FEB ? *)', '2028-02-29 00:00', '2032-02-29 00:00'],
  ['cron(0 0 31 2 ? *)'],
  ['cron(0 0 1 JAN ? 2028,2030)', '2028-01-01 00:00', '2030-01-01 00:00'],
  ['cron(0 0 1 1 ? 1999)'],
  ['cron(0 0 1 */3 ? *)', '2027-01-01 00:00', '2027-04-01 00:00'],
];

for (const [text, ...expected] of table)
  test(`cron: ${text}`, () => assert.equal(times(text, Math.max(1, expected.length)), expected));

test('cron: what AWS does not take is refused, and what is wrong is named', () => {
  const wrong: [text: string, fault: RegExp][] = [
    ['0 18 * * *', /6 fields.*found 5/],
    ['0 0 18 ? * MON *', /6 fields.*found 7/],
    ['a b c d ? f', /'a' in the minutes/],
    ['60 0 * * ? *', /'60' in the minutes/],
    ['0 24 * * ? *', /hours/],
    ['0 0 0 * ? *', /day of the month/],
    ['0 0 32W * ? *', /day of the month/],
    ['0 0 ? * 8 *', /day of the week/],
    ['0 0 ? * 0 *', /day of the week/],
    ['0 0 ? * MOON *', /day of the week/],
    ['0 0 1 13 ? *', /month/],
    ['0 0 1 1 ? 2200', /year/],
    ['10-5 0 * * ? *', /minutes/],
    ['1-2-3 0 * * ? *', /minutes/],
    ['0/0 0 * * ? *', /minutes/],
    ['0/1/2 0 * * ? *', /minutes/],
    ['1,, 0 * * ? *', /minutes/],
    ['-1 0 * * ? *', /minutes/],
    ['0 0 * * * *', /\? for either/],
    ['0 0 ? * ? *', /\? for either/],
    ['', /6 fields/],
  ];
  for (const [text, fault] of wrong) assert.match(String(parseCron(text)), fault, text);
});

test('cron: no time between two is left out, compared with every minute of three years', () => {
  for (const text of ['cron(7 3,15 ? * TUE,6 *)', 'cron(0/40 */7 3-9 * ? *)', 'cron(59 23 LW * ? *)']) {
    const cron = parseCron(text) as Cron;
    let expected = nextMillis(cron, FROM);
    for (let day = FROM; day < FROM + 3 * 365 * 86_400_000; day += 86_400_000) {
      const date = new Date(day);
      const isDay = cron.days(date.getUTCFullYear(), date.getUTCMonth() + 1).includes(date.getUTCDate());
      for (const hour of isDay ? cron.hours : [])
        for (const minute of cron.minutes) {
          const at = day + hour * 3_600_000 + minute * 60_000;
          if (at <= FROM) continue;
          assert.is(at, expected, text);
          expected = nextMillis(cron, at);
        }
    }
  }
});

test.run();
