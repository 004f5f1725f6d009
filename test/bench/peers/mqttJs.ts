/** A job agent on mqtt.js, which knows topics and no jobs: started by notify-next, jobs are taken by start-next. Arguments: work.ts */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect } from 'mqtt';
import { access, connected, ended, noDelay, refused, work } from './work.ts';

interface Message {
  execution?: { jobId?: string; versionNumber: number };
}

const { host, port, thingName } = access;
const [ca, cert, key] = [readFileSync(access.ca), readFileSync(access.cert), readFileSync(access.key)];
const prefix = `$aws/things/${thingName}/jobs/`;
const FILTERS = ['notify-next', 'start-next/accepted', 'start-next/rejected', '+/update/accepted', '+/update/rejected'];
let working = false;
let isNextWaiting = false;

const client = connect({ protocol: 'mqtts', host, port, ca, cert, key, clientId: thingName });
client.on('error', refused);
client.on('connect', () => {
  if (noDelay) (client.stream as Socket).setNoDelay(true);
  const filters = FILTERS.map((filter) => prefix + filter);
  client.subscribe(filters, { qos: 1 }, (error) => {
    if (error) refused(error);
    connected();
    startNext();
  });
});
client.on('message', (topic, payload) => take(topic.slice(prefix.length), JSON.parse(payload.toString()) as Message));

function take(topic: string, { execution }: Message): void {
  if (topic === 'notify-next') {
    if (execution?.jobId !== undefined) startNext();
  } else if (topic === 'start-next/accepted') {
    const { jobId, versionNumber } = execution ?? {};
    if (jobId === undefined) idle();
    else work(() => publish(`${jobId}/update`, { status: 'SUCCEEDED', expectedVersion: versionNumber }));
  } else if (topic.endsWith('/update/accepted')) {
    ended(topic.slice(0, -'/update/accepted'.length));
    idle();
  } else refused(topic);
}

function startNext(): void {
  if (working) {
    isNextWaiting = true;
    return;
  }
  working = true;
  publish('start-next', {});
}

function idle(): void {
  working = false;
  if (isNextWaiting) {
    isNextWaiting = false;
    startNext();
  }
}

function publish(topic: string, message: object): void {
  client.publish(prefix + topic, JSON.stringify(message), { qos: 1 });
}
