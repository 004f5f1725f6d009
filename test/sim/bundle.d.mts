export interface Mistake {
  name: string;
  /** Where it is looked for; undefined: in the world of boards and service. */
  world?: 'serial';
  file: string;
  find: string;
  replace: string;
}
export function bundleSim(outfile: string, mistake?: Mistake, entry?: string): Promise<string>;
