/** Parts of the runtime that a device may be built without (targets/sbc/partList.mjs); from source every one is in. */

declare const ERRAND_WITHOUT_GUARDS: true | undefined;

/** Members of our own in documents, progress told by handlers, and documents asked for again: jobs/guards.ts. */
export const WITH_GUARDS = typeof ERRAND_WITHOUT_GUARDS === 'undefined';
