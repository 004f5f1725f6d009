import { randomBytes } from 'node:crypto';
import type { Closing } from './closing.ts';
import type { FaultSwitch } from './faults/plan.ts';
import type { Foundation } from './foundation.ts';
import { createJobsService, type JobsService } from './jobs/service.ts';
import { type Log, troubleLog } from './log.ts';
import type { Meter } from './ops/meter.ts';
import { createProvisioning, type Provisioning } from './provisioning/requests.ts';
import type { Registry } from './registry/registry.ts';
import type { ServiceSettings } from './settings.ts';
import type { Tidings } from './tidings.ts';

/** Where clients connect; each is empty until that door is open. */
export interface Addresses {
  /** `host:port` */
  mqtts: string;
  /** `https://host:port` */
  https: string;
  /** `host:port` of the data plane by HTTPS */
  data: string;
}

/** What the service is made of when it is open. */
export interface Surroundings extends Foundation {
  settings: ServiceSettings;
  tidings: Tidings;
  addresses: Addresses;
  faults: FaultSwitch;
  meter: Meter;
  log: Log;
}

/** What every door of the service leads to. */
export interface Inside extends Surroundings {
  jobs: JobsService;
  registry: Registry;
  provisioning: Provisioning;
}

/** The rules, over what is kept: of jobs, of things and their certificates, of fleet provisioning. */
export function openInside(surroundings: Surroundings, closing: Closing): Inside {
  const jobs = openJobs(surroundings);
  closing.push(() => jobs.close());
  const { settings, store, identity, files, tidings, addresses } = surroundings;
  const registry: Registry = {
    engine: store.engine,
    db: store.db,
    nowMillis: store.nowMillis,
    region: settings.region,
    account: settings.account,
    randomBytes,
    issueCertificate: identity.issueCertificate,
    certifyRequest: identity.certifyRequest,
    endpoints: () => addresses,
    membership: jobs.membership,
    readDocument: files.readDocument,
    revoke: tidings.revoke,
  };
  return { ...surroundings, jobs, registry, provisioning: createProvisioning(registry, surroundings.log) };
}

function openJobs({ settings, store, files, tidings, meter, log }: Surroundings): JobsService {
  return createJobsService({
    store,
    nowMillis: store.nowMillis,
    isShared: store.isShared,
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
    region: settings.region,
    account: settings.account,
    retentionMillis: settings.retentionMillis,
    onStatus: meter.changed,
    publish: tidings.publish,
    signer: files.signer,
    readDocument: files.readDocument,
    log: troubleLog(log),
  });
}
