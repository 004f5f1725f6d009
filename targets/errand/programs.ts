interface Program {
  about: string;
  /** The program's own module, loaded when it is asked for: a command that only talks to a service starts without it. */
  load(): Promise<{ main(argv: string[]): Promise<number> }>;
}

/** What `errand` does by more than one operation of a service, or without one. */
export const PROGRAMS: Readonly<Record<string, Program>> = {
  service: { about: 'The Jobs service on this machine.', load: () => import('../service/main.ts') },
  agent: { about: 'The agent for a device, as dist/errand-agent.cjs.', load: () => import('../sbc/main.ts') },
  'put-artifact': { about: 'Puts a file where jobs can give it to devices.', load: () => import('./putArtifact.ts') },
  watch: { about: 'A roll-out as it happens, until the job has ended.', load: () => import('./watch/watch.ts') },
  backup: { about: 'A copy of the store while the service runs.', load: () => import('./backup.ts') },
  completion: { about: 'Completion for bash, zsh or fish.', load: () => import('./completion.ts') },
};
