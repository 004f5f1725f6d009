/**
 * Where the parts of the agent come in that a board may leave out (partList.mjs). The build defines `ERRAND_WITHOUT_X` for
 * those; nothing is defined when the agent runs from source, which has all of them. Asked in this file and in the place
 * itself: only so is what is not wanted seen by esbuild to be dead, together with all that it imports.
 */
import { createPrograms } from '../../transports/programs.ts';
import { BUILT_IN } from './builtins/builtins.ts';
import type { Handler } from './handlers/handler.ts';
import { hostHandlers } from './handlers/host.ts';

declare const ERRAND_WITHOUT_BUILTINS: true | undefined;

/** Handlers that run inside of the agent, unless the handler folder has a file of their name. */
const HANDLERS: readonly Handler[] = typeof ERRAND_WITHOUT_BUILTINS === 'undefined' ? BUILT_IN : [];

/** Runs the programs of steps. */
export const runPrograms: typeof createPrograms =
  typeof ERRAND_WITHOUT_BUILTINS === 'undefined' ? hostHandlers(HANDLERS) : createPrograms;
