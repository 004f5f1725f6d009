import type { Closing } from './closing.ts';
import type { Doors } from './doors.ts';
import { keepCertificate } from './identity/renewal.ts';
import type { Inside } from './inside.ts';
import { troubleLog } from './log.ts';
import { SWEEP_EVERY_MILLIS } from './provisioning/limits.ts';
import { sweep } from './provisioning/pending.ts';
import { keepTicking, type Ticking } from './ticking.ts';

/** What has to be done from time to time, from now on: the doors' certificate, what nobody claimed, the ticks of jobs. */
export function keepUp(inside: Inside, doors: Doors, closing: Closing): Ticking {
  const { identity, jobs, store, meter, log } = inside;
  const serve: Parameters<typeof keepCertificate>[0]['serve'] = (certificate) => {
    for (const door of Object.values(doors)) door?.setCertificate(certificate);
  };
  closing.push(keepCertificate({ identity, serve, log }));
  closing.push(keepSwept(inside));
  const ticking = keepTicking(jobs, store.nowMillis, log, meter.ticked);
  closing.push(ticking.end);
  return ticking;
}

/** @returns what ends it */
function keepSwept({ registry, log }: Inside): () => void {
  const trouble = troubleLog(log);
  const sweepNow = () => void sweep(registry).catch((error) => trouble('what nobody claimed was not removed', error));
  sweepNow();
  const sweeping = setInterval(sweepNow, SWEEP_EVERY_MILLIS).unref();
  return () => clearInterval(sweeping);
}
