import { EVENT_TYPES, type UPDATE_EVENT_CONFIGURATIONS } from '../operations/eventOperations.ts';
import type { InputOf } from '../operations/operation.ts';
import { invalidRequest } from '../operations/refusals.ts';
import { inTransaction } from '../store/open.ts';
import type { Registry } from './registry.ts';

type EventType = (typeof EVENT_TYPES)[number];

/** The kinds that this service can publish (events §2). */
const SERVED: readonly EventType[] = ['JOB', 'JOB_EXECUTION'];

/**
 * Turns kinds of events on and off; those not named stay as they are.
 *
 * A kind that this service does not publish cannot be turned on: whoever waited for its events would wait for ever.
 */
export async function updateEventConfigurations(
  registry: Registry,
  { eventConfigurations = {} }: InputOf<typeof UPDATE_EVENT_CONFIGURATIONS>,
): Promise<void> {
  const changes = Object.entries(eventConfigurations).map(
    ([type, { Enabled = false }]) => [type as EventType, Enabled] as const,
  );
  const silent = changes.find(([type, enabled]) => enabled && !SERVED.includes(type));
  if (silent !== undefined)
    throw invalidRequest(`This service publishes no events of ${silent[0]}: expected ${SERVED.join(' or ')}`);
  const nowMillis = registry.nowMillis();
  await inTransaction(registry, async ({ db }) => {
    for (const [type, on] of changes) {
      const enabled = on ? 1 : 0;
      await db
        .insertInto('event_configuration')
        .values({ event_type: type, enabled, created_at: nowMillis, modified_at: nowMillis })
        .onConflict((conflict) => conflict.column('event_type').doUpdateSet({ enabled, modified_at: nowMillis }))
        .execute();
    }
  });
}

/** Every kind that the API knows; the dates are there once something was turned on or off. */
export async function describeEventConfigurations(registry: Registry) {
  const rows = await registry.db.selectFrom('event_configuration').selectAll().execute();
  const on = new Set(rows.filter(({ enabled }) => enabled === 1).map(({ event_type }) => event_type));
  return {
    eventConfigurations: Object.fromEntries(EVENT_TYPES.map((type) => [type, { Enabled: on.has(type) }])),
    ...(rows.length > 0 && {
      creationDate: Math.min(...rows.map(({ created_at }) => created_at)) / 1000,
      lastModifiedDate: Math.max(...rows.map(({ modified_at }) => modified_at)) / 1000,
    }),
  };
}
