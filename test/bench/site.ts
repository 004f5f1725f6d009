import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { call } from '../../targets/errand/call.ts';
import { readEndpoints } from '../../targets/errand/endpoints.ts';
import { OPERATIONS } from '../../targets/service/operations/table.ts';
import type { Child } from '../child.ts';
import { arnOf, type Identity, openHouse } from '../whole/house.ts';
import { start } from './processes.ts';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
export const ERRAND = path.join(dist, 'errand.mjs');
export const AGENT = path.join(dist, 'errand-agent.cjs');
/** As in the launcher lines that are shipped; every device of the bench gets it, the prototypes too. */
export const NODE_FLAGS = ['--use-openssl-ca'];

/** CreateJob calls under way at the same time. */
const CREATES_AT_ONCE = 8;

/** Where and as whom a device connects. */
export interface Access extends Identity {
  host: string;
  port: number;
  ca: string;
}

/** A running service with things; operations are called from here, signed, without a process for each. */
export interface Site {
  readonly folder: string;
  readonly service: Child;
  readonly endpoint: { host: string; port: number; ca: string };
  thing(thingName: string): Promise<Access>;
  control(operation: string, input: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** Creates jobs `name-1` to `name-count` of one step for one thing, each of one command. */
  createJobs(name: string, count: number, thingName: string, command: string): Promise<void>;
  end(): Promise<void>;
}

export async function openSite(): Promise<Site> {
  const house = await openHouse();
  const service = readEndpoints(path.join(house.folder, 'service', 'endpoints.json'), {});
  const [host, port] = service.mqtts.split(':') as [string, string];
  const endpoint = { host, port: Number(port), ca: service.ca };
  const control: Site['control'] = (operation, input) => {
    const row = OPERATIONS.find(({ name }) => name === operation);
    if (row === undefined) throw new Error(`no operation ${operation}`);
    return call(row, input, service);
  };
  return {
    folder: house.folder,
    service: house.service,
    endpoint,
    thing: async (thingName) => ({ ...(await house.thing(thingName)), ...endpoint }),
    control,
    async createJobs(name, count, thingName, command) {
      const targets = [arnOf(thingName)];
      let made = 0;
      const keepCreating = async () => {
        while (made < count)
          await control('CreateJob', { jobId: `${name}-${++made}`, targets, document: documentOf(command) });
      };
      await Promise.all(Array.from({ length: CREATES_AT_ONCE }, keepCreating));
    },
    end: () => house.end(),
  };
}

/** A job of one step. */
export function documentOf(command: string): string {
  return JSON.stringify({
    version: '1.0',
    steps: [{ action: { name: 'step', type: 'runCommand', input: { command } } }],
  });
}

/** The arguments of the agent, ready to be run with `node`. */
export function agentArgs({ host, port, ca, cert, key, thingName }: Access, data: string, ...more: string[]): string[] {
  const words = { endpoint: `${host}:${port}`, thing: thingName, ca, cert, key, data, 'retry-max': '2' };
  mkdirSync(data, { recursive: true, mode: 0o700 });
  return [...NODE_FLAGS, AGENT, ...Object.entries(words).flatMap(([name, value]) => [`--${name}`, value]), ...more];
}

/** The arguments of a prototype, which are of no form at all. */
export function prototypeArgs(
  file: string,
  { host, port, ca, cert, key, thingName }: Access,
  ...more: string[]
): string[] {
  return [...NODE_FLAGS, file, host, String(port), ca, cert, key, thingName, ...more];
}

export function startNode(...args: string[]): Child {
  return start(process.execPath, ...args);
}
