import type { Child } from '../../child.ts';
import type { Chance } from '../../sim/chance.ts';
import type { Board } from './board.ts';

/** A start of Node and of the agent, milliseconds. */
const START_MILLIS_MAX = 300;
/** Most of what happens between a connection and the end of a job, milliseconds. */
const JOB_MILLIS_MAX = 600;
/** What an aimed kill waits for may never come, when no job is at work; milliseconds. */
const AIM_MILLIS_MAX = 2_000;
/** What changes on disk in the time of two jobs. */
const RECORDS_MAX = 10;
const LINES_MAX = 8;

/**
 * Resolves at a random moment in the life of an agent: some time after its start, some time after it has connected, or at a write of
 * its record or a line of a step, which are too short to be met by chance alone.
 */
export async function moment(board: Board, agent: Child, chance: Chance, stop: AbortSignal): Promise<void> {
  const kind = chance.unit();
  if (kind < 0.1) return pass(chance.between(0, START_MILLIS_MAX), stop);
  if (kind < 0.4) return Promise.race([nth('record', RECORDS_MAX), pass(AIM_MILLIS_MAX, stop)]);
  if (kind < 0.55) return Promise.race([nth('lines', LINES_MAX), pass(AIM_MILLIS_MAX, stop)]);
  const whole = chance.between(0, JOB_MILLIS_MAX);
  const rest = chance.between(0, 100);
  await Promise.race([agent.line(/ connected/), agent.ended, pass(AIM_MILLIS_MAX, stop)]).catch(() => {});
  const waits = agent.line(/waits for the device to restart/).then(() => pass(rest, stop));
  return Promise.race([waits, pass(whole, stop)]).catch(() => {});

  function nth(what: 'record' | 'lines', most: number): Promise<void> {
    let left = chance.between(1, most);
    return new Promise((resolve) => {
      const watcher = board.watch(what, () => {
        left -= 1;
        if (left === 0) resolve();
      });
      const close = () => {
        watcher.close();
        resolve();
      };
      void agent.ended.then(close);
    });
  }
}

/** Resolves after a while, or when told to stop. */
export function pass(millis: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      stop.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, millis);
    stop.addEventListener('abort', done);
    if (stop.aborted) done();
  });
}
