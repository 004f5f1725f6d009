import type { BuildOptions } from 'esbuild';

export function agentOptions(version: string, parts?: readonly string[]): BuildOptions & { write: false };
export function toCommonJs(code: string): string;
export function finishAgent(code: string): Promise<string>;
