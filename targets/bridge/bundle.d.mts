import type { BuildOptions } from 'esbuild';

export function bridgeOptions(architecture?: string): BuildOptions;
