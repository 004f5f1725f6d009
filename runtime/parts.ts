/** Parts of the runtime that a device may be built without (targets/sbc/partList.mjs); from source every one is in. */

declare const ERRAND_WITHOUT_GUARDS: true | undefined;
declare const ERRAND_WITHOUT_LEGACY: true | undefined;
declare const ERRAND_WITHOUT_CUSTOM: true | undefined;
declare const ERRAND_WITHOUT_JOBSAGENT: true | undefined;

/** Members of our own in documents, progress told by handlers, and documents asked for again: jobs/guards.ts. */
export const WITH_GUARDS = typeof ERRAND_WITHOUT_GUARDS === 'undefined';

/** Documents of one `operation` instead of steps: jobs/operations.ts. */
export const WITH_LEGACY = typeof ERRAND_WITHOUT_LEGACY === 'undefined';

/** Those of a jobs-agent among them. */
export const WITH_JOBSAGENT = typeof ERRAND_WITHOUT_JOBSAGENT === 'undefined';

/** What handlers return is shown with the outcome of their job: only handlers that were compiled in do (targets/sbc/custom). */
export const WITH_CUSTOM = typeof ERRAND_WITHOUT_CUSTOM === 'undefined';
