import { readFileSync } from 'node:fs';
import mqtt from 'mqtt';
import type { Access } from '../site.ts';

/** How long the device waits behind an answer, milliseconds: some 40 requests a second, a light load. */
const PAUSE_MILLIS = 25;

export interface Requests {
  /** Milliseconds from PUBLISH to answer: `$next/get` reads, `update` is synced to disk. */
  reads: number[];
  writes: number[];
}

/**
 * A device over mutual TLS that asks and updates in turn as long as the roll-out takes.
 *
 * @param jobId  of a job that it has an execution of
 */
export async function askWhile(access: Access, jobId: string, goesOn: () => boolean): Promise<Requests> {
  const requests: Requests = { reads: [], writes: [] };
  const { host, port, ca, cert, key, thingName } = access;
  const client = await mqtt.connectAsync(`mqtts://${host}:${port}`, {
    clientId: thingName,
    ca: readFileSync(ca),
    cert,
    key,
  });
  client.stream.on('error', () => {});
  (client.stream as { setNoDelay?: (on: boolean) => void }).setNoDelay?.(true);
  let answered: (kind: string) => void = () => {};
  client.on('message', (topic) => answered(topic));
  const ask = async (path: string, payload: object): Promise<number> => {
    const topic = `$aws/things/${thingName}/jobs/${path}`;
    const began = performance.now();
    const answer = new Promise<string>((resolve) => {
      answered = (found) => found.startsWith(`${topic}/`) && resolve(found);
    });
    client.publish(topic, JSON.stringify(payload), { qos: 1 });
    const found = await answer;
    if (!found.endsWith('/accepted')) throw new Error(`${path} was answered on ${found}`);
    return performance.now() - began;
  };
  for (let n = 0; goesOn(); n++) {
    requests.reads.push(await ask('$next/get', { clientToken: `r${n}` }));
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLIS));
    requests.writes.push(
      await ask(`${jobId}/update`, { status: 'IN_PROGRESS', clientToken: `w${n}`, statusDetails: { n: `${n}` } }),
    );
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLIS));
  }
  await client.endAsync(true);
  return requests;
}

/** The value that this part of them is at or below. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}
