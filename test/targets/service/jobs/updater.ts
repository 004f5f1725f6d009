/** A process with a service on the store that is given: updates the execution of job j on T1 as often as told, one line an answer. */
import { openStore } from '../../../../targets/service/store/open.ts';
import { openWorld } from './world.ts';

const [file = '', updates = '0'] = process.argv.slice(2);
const world = await openWorld({ store: await openStore(file), things: [] });
for (let i = 0; i < Number(updates); i++) {
  const answer = await world.ask('T1', 'j/update', { status: 'IN_PROGRESS' });
  if (answer?.kind !== 'accepted') throw new Error(JSON.stringify(answer));
  process.stdout.write('accepted\n');
}
await world.close();
