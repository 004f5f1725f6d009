interface Program {
  about: string;
  /** The program's own module, loaded when it is asked for: a command that only talks to a service starts without it. */
  load(): Promise<{ main(argv: string[]): Promise<number> }>;
}

/** What `errand` runs here, beside the operations of a service. The Jobs service gets its row (`service`) with its main. */
export const PROGRAMS: Readonly<Record<string, Program>> = {
  agent: { about: 'The agent for a device, as dist/errand-agent.cjs.', load: () => import('../sbc/main.ts') },
};
