import { AGENT_SCENARIOS } from './agents.ts';
import { ANEW_SCENARIOS } from './anew.ts';
import { CLIENT_SCENARIOS } from './clients.ts';
import { CODEC_SCENARIOS } from './codec.ts';
import { FOUND_SCENARIOS } from './found.ts';
import { GUEST_SCENARIOS } from './guests.ts';
import { HOSTILE_SCENARIOS } from './hostile.ts';
import { OPERATOR_SCENARIOS } from './operator.ts';
import { PROVISIONING_SCENARIOS } from './provisioning.ts';
import { SCHEDULE_SCENARIOS } from './schedules.ts';
import type { Scenario } from './stage.ts';
import { STORE_SCENARIOS } from './store.ts';

/** All stories that are told the same each time; those of seeds are world.ts's. */
export const SCENARIOS: readonly Scenario[] = [
  ...FOUND_SCENARIOS,
  ...ANEW_SCENARIOS,
  ...OPERATOR_SCENARIOS,
  ...SCHEDULE_SCENARIOS,
  ...CLIENT_SCENARIOS,
  ...HOSTILE_SCENARIOS,
  ...GUEST_SCENARIOS,
  ...CODEC_SCENARIOS,
  ...AGENT_SCENARIOS,
  ...PROVISIONING_SCENARIOS,
  ...STORE_SCENARIOS,
];
