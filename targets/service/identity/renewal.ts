import type { Log } from '../log.ts';
import type { Identity, ServerCertificate } from './identity.ts';

/** How often it is looked whether the server's certificate ends soon, milliseconds; it is renewed 30 days before, so a day is often enough. */
const LOOK_EVERY_MILLIS = 86_400_000;

export interface RenewalOptions {
  identity: Pick<Identity, 'renewServer'>;
  /** Gives it to the listeners: connections stay, new ones are served with it. */
  serve: (certificate: ServerCertificate) => void;
  log: Log;
  /** Node's timers unless given. */
  every?: (millis: number, run: () => void) => () => void;
}

/**
 * Renews the server's certificate while the service runs. Where that fails the present one goes on to be served, and it is
 * tried again a day later.
 *
 * @returns what ends it
 */
export function keepCertificate({ identity, serve, log, every = everyByNode }: RenewalOptions): () => void {
  return every(LOOK_EVERY_MILLIS, async () => {
    try {
      const certificate = await identity.renewServer();
      if (certificate === undefined) return;
      serve(certificate);
      log('info', "the server's certificate was renewed: new connections are served with it");
    } catch (error) {
      log('error', `the server's certificate could not be renewed, tried again in a day: ${(error as Error).message}`);
    }
  });
}

function everyByNode(millis: number, run: () => void): () => void {
  const timer = setInterval(run, millis).unref();
  return () => clearInterval(timer);
}
