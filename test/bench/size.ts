import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { BUDGETS } from './budgets.ts';
import type { Report } from './figure.ts';
import { AGENT } from './site.ts';

/** The agent's one file, as it is deployed. */
export function agentSize(): { bytes: number; gzipBytes: number } {
  const file = readFileSync(AGENT);
  return { bytes: file.length, gzipBytes: gzipSync(file, { level: 9 }).length };
}

export async function size(): Promise<Omit<Report, 'family'>> {
  const { bytes, gzipBytes } = agentSize();
  return {
    figures: [
      { name: 'agent, one file', unit: 'bytes', ours: bytes, beside: [], budget: BUDGETS.agentBytes },
      { name: 'agent, gzipped', unit: 'bytes', ours: gzipBytes, beside: [], budget: BUDGETS.agentGzipBytes },
    ],
  };
}
