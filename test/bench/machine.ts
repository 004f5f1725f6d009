import os from 'node:os';

/** The kind of machine that figures belong to; never its name. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryBytes: number;
  node: string;
  kernel: string;
  /** One minute's load average when the run began. */
  load: number;
}

export function describeMachine(): Machine {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryBytes: os.totalmem(),
    node: process.version,
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    load: os.loadavg()[0]!,
  };
}

export function showMachine({ cpu, cores, memoryBytes, node, kernel, load }: Machine): string {
  return `${cpu}, ${cores} cores, ${Math.round(memoryBytes / 2 ** 30)} GB; Node ${node}; ${kernel}; load ${load.toFixed(1)} at the start`;
}
