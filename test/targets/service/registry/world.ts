/** A registry on a store in memory, with a clock and chance that a test rules. */
import { registryHandlers } from '../../../../targets/service/registry/handlers.ts';
import type { Registry } from '../../../../targets/service/registry/registry.ts';
import type { Store } from '../../../../targets/service/store/open.ts';
import type { Connection } from '../../../../targets/service/store/statement.ts';
import { freshStore } from '../store/engines.ts';

export interface World {
  store: Store;
  registry: Registry;
  handlers: ReturnType<typeof registryHandlers>;
  /** What the jobs were told, such as 'thingJoined 1 G' or 'committed 1', and which member rows there were at that time. */
  told: string[];
  /** Certificates whose connections were ended. */
  revoked: string[];
  /** Sets the clock. */
  at(millis: number): void;
}

export const START_MILLIS = 1_700_000_000_000;

export async function openWorld(): Promise<World> {
  const store = await freshStore();
  let now = START_MILLIS;
  let drawn = 0;
  let issued = 0;
  const told: World['told'] = [];
  const revoked: string[] = [];
  const tell = async ({ db }: Connection, change: string, things: number[]) => {
    const rows = await db.selectFrom('member').select(['grp', 'thing_no']).orderBy('grp').orderBy('thing_no').execute();
    told.push(`${change}: ${rows.map(({ grp, thing_no }) => `${thing_no} in ${grp}`).join(', ')}`);
    return things;
  };
  const registry: Registry = {
    engine: store.engine,
    db: store.db,
    nowMillis: () => now,
    region: 'eu-west-1',
    account: '111122223333',
    randomBytes: (count) => Uint8Array.from({ length: count }, () => (drawn = (drawn * 75 + 74) % 65537) & 0xff),
    issueCertificate: async () => ({
      certificateId: String(++issued).padStart(64, '0'),
      certificatePem: 'PEM',
      keyPair: { PublicKey: 'public', PrivateKey: 'private' },
    }),
    certifyRequest: async (csrPem) =>
      csrPem === 'CSR' ? { certificateId: String(++issued).padStart(64, '0'), certificatePem: 'PEM' } : 'it is not one',
    endpoints: () => ({ mqtts: 'localhost:8883', data: undefined }),
    membership: {
      thingJoined: (tx, thingNo, groupName) => tell(tx, `thingJoined ${thingNo} ${groupName}`, [thingNo]),
      thingLeaves: (tx, thingNo, groupName) => tell(tx, `thingLeaves ${thingNo} ${groupName}`, [thingNo]),
      groupDeleted: (tx, groupName) => tell(tx, `groupDeleted ${groupName}`, []),
      thingDeleted: (tx, thingNo) => tell(tx, `thingDeleted ${thingNo}`, []),
      committed: (things) => void told.push(`committed ${things.join()}`),
    },
    revoke: (certificateId) => void revoked.push(certificateId),
  };
  return { store, registry, handlers: registryHandlers(registry), told, revoked, at: (millis) => void (now = millis) };
}

/** `404 ResourceNotFoundException: ...`, or 'no refusal'. */
export async function refusal(answer: Promise<unknown>): Promise<string> {
  try {
    await answer;
  } catch (error) {
    const { type, status, message } = error as { type: string; status: number; message: string };
    return `${status} ${type}: ${message}`;
  }
  return 'no refusal';
}
