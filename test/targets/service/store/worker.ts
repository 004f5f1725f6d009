/** A process with a service on the store that is given, which ticks by the store's clock until it is killed; one line a notification. */
import { createJobsService } from '../../../../targets/service/jobs/service.ts';
import { openStore } from '../../../../targets/service/store/open.ts';
import { ACCOUNT, REGION } from '../jobs/world.ts';

const store = await openStore(process.argv[2] ?? '');
const service = createJobsService({
  store,
  nowMillis: store.nowMillis,
  isShared: true,
  region: REGION,
  account: ACCOUNT,
  publish: (topic) => void process.stdout.write(`told ${topic}\n`),
  log: (event, error) => void process.stdout.write(`log ${event}: ${error}\n`),
});
let timer: NodeJS.Timeout | undefined;
const plan = (atMillis: number) => {
  clearTimeout(timer);
  timer = setTimeout(tick, Math.max(0, atMillis - store.nowMillis()));
};
const tick = () =>
  service.tick().catch((error) => {
    process.stdout.write(`log a tick: ${error}\n`);
    plan(store.nowMillis() + 100);
  });
service.onDue(plan);
plan(0);
