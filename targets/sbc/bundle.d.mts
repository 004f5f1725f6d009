import type { BuildOptions } from 'esbuild';

export const PRIVATE_NAMES: readonly string[];
export function agentOptions(version: string, parts?: readonly string[]): BuildOptions & { write: false };
export function toCommonJs(code: string): string;
export function finishAgent(code: string): Promise<string>;
