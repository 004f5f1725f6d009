/**
 * Reads a sensor of Linux' hwmon (a TMP102 on I2C, say: /sys/bus/i2c/devices/1-0048/hwmon/hwmon0/temp1_input) some times and keeps a log.
 *
 *     node build.mjs --target sbc --handlers ./examples/readings.ts
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { handler } from 'errand';

/**
 * `collect-readings SOURCE LOG COUNT SECONDS`: COUNT readings, one every SECONDS, each as a line `time,value` of LOG. A reading more does
 * no harm, so that the step may be repeated after a power cut.
 */
export const collectReadings = handler(
  'collect-readings',
  { idempotent: true },
  async ({ args, progress, log, signal }) => {
    const [source = '', file = '', count = '10', seconds = '1'] = args;
    const values: number[] = [];
    while (values.length < Number(count)) {
      if (values.length > 0) await setTimeout(Number(seconds) * 1_000, undefined, { signal });
      const value = readMilli(source);
      values.push(value);
      appendFileSync(file, `${new Date().toISOString()},${value}\n`);
      progress({ readings: `${values.length}/${count}`, latest: value });
    }
    log(`${values.length} readings of ${source}`);
    return { lowest: Math.min(...values), highest: Math.max(...values) };
  },
);

/** hwmon gives thousandths of a degree, a volt or an ampere. */
function readMilli(source: string): number {
  const text = readFileSync(source, 'utf8').trim();
  if (!/^-?\d+$/.test(text)) throw new Error(`${source} reads '${text}': expected a whole number`);
  return Number(text) / 1_000;
}
