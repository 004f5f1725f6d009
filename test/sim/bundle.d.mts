export interface Mistake {
  name: string;
  /** Of the product. */
  part: string;
  /** Where it is looked for; undefined: in the worlds of boards and service. */
  world?: 'serial' | 'bridges' | 'downloads' | 'scenarios' | undefined;
  /** In the names of the scenarios that look for it. */
  plays?: string | undefined;
  file: string;
  find: string;
  replace: string;
}
export function bundleSim(outfile: string, mistake?: Mistake, entry?: string): Promise<string>;
