/** Who gives the jobs: the service, or a responder behind Mosquitto or aedes. All on this side of the line, for one thing. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { Aedes } from 'aedes';
import type { Status } from '../../../runtime/jobs/execution.ts';
import { runChild, startChild } from '../../child.ts';
import { makeCa, makeCertificate, type Pair } from '../../transports/certificates.ts';
import { arnOf, type Identity, openHouse } from '../../whole/house.ts';
import { openResponder } from './responder.ts';

export const OFFICES = ['service', 'mosquitto', 'aedes'] as const;
export type OfficeName = (typeof OFFICES)[number];

export interface Office {
  readonly folder: string;
  /** Where MQTT is, on localhost. */
  readonly port: number;
  readonly ca: string;
  readonly identity: Identity;
  create(jobId: string, document: object): Promise<void>;
  cancel(jobId: string): Promise<void>;
  /** Resolves when it has ended. */
  ended(jobId: string): Promise<Status>;
  end(): Promise<void>;
}

/** @param address  under which the device comes: certificates are for it */
export function openOffice(name: OfficeName, address: string): Promise<Office> {
  return name === 'service' ? openService(address) : openBroker(name, address);
}

const ENDS = ['SUCCEEDED', 'FAILED', 'REJECTED', 'CANCELED', 'TIMED_OUT', 'REMOVED'] as const;

async function openService(address: string): Promise<Office> {
  const house = await openHouse('--name', address);
  const identity = await house.thing('board');
  return {
    folder: house.folder,
    port: Number(house.endpoints.mqtts.split(':').at(-1)),
    ca: house.endpoints.ca,
    identity,
    async create(jobId, document) {
      const job = ['--job-id', jobId, '--targets', arnOf('board'), '--document', JSON.stringify(document)];
      await house.errand('create-job', ...job);
    },
    async cancel(jobId) {
      await house.errand('cancel-job', '--job-id', jobId, '--force');
    },
    async ended(jobId) {
      return (await house.until(jobId, 'board', ...ENDS)).status as Status;
    },
    end: () => house.end(),
  };
}

async function openBroker(name: 'mosquitto' | 'aedes', address: string): Promise<Office> {
  const folder = mkdtempSync(path.join(os.tmpdir(), `errand-${name}-`));
  const ca = makeCa(folder, 'ca');
  const server = makeCertificate(folder, 'server', ca, `DNS:localhost,IP:${address}`);
  const board = makeCertificate(folder, 'board', ca);
  const broker = await (name === 'aedes' ? openAedes(ca, server) : openMosquitto(folder, ca, server));
  const responder = await openResponder(broker.port, ca, makeCertificate(folder, 'responder', ca), 'board');
  return {
    ...responder,
    folder,
    port: broker.port,
    ca: ca.certFile,
    identity: { thingName: 'board', cert: board.certFile, key: board.keyFile },
    async end() {
      await responder.end();
      await broker.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Broker {
  port: number;
  end(): Promise<void>;
}

/** In this process, as it comes. */
async function openAedes(ca: Pair, { cert, key }: Pair): Promise<Broker> {
  const aedes = await Aedes.createBroker();
  const how = { ca: ca.cert, cert, key, requestCert: true, rejectUnauthorized: true, noDelay: true };
  const server = tls.createServer(how, aedes.handle);
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    end: () => new Promise((resolve) => aedes.close(() => server.close(() => resolve()))),
  };
}

async function openMosquitto(folder: string, ca: Pair, server: Pair): Promise<Broker> {
  const port = await freePort();
  const lines = [
    `user ${os.userInfo().username}`, // root would become another user, who cannot read the key
    `listener ${port} localhost`,
    `cafile ${ca.certFile}`,
    `certfile ${server.certFile}`,
    `keyfile ${server.keyFile}`,
    'require_certificate true',
    'use_identity_as_username true',
    'log_dest stderr',
  ];
  writeFileSync(path.join(folder, 'mosquitto.conf'), `${lines.join('\n')}\n`);
  const program = (await runChild('sh', ['-c', 'command -v mosquitto'])).stdout.trim() || '/usr/sbin/mosquitto';
  const broker = startChild(program, ['-c', path.join(folder, 'mosquitto.conf')]);
  await broker.line(/mosquitto version .* running/);
  return { port, end: async () => void (await broker.kill()) };
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
