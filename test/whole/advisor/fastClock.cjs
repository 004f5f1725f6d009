/** Loaded before an agent: its clock runs ERRAND_TEST_SPEED times as fast, and so do its timers. */
const speed = Number(process.env.ERRAND_TEST_SPEED);
const { hrtime } = process;
process.hrtime = () => {
  const [seconds, nanos] = hrtime();
  const millis = (seconds * 1e3 + nanos / 1e6) * speed;
  return [Math.floor(millis / 1e3), (millis % 1e3) * 1e6];
};
const { setTimeout } = globalThis;
globalThis.setTimeout = (run, millis, ...args) => setTimeout(run, millis / speed, ...args);
