export interface Mistake {
  name: string;
  file: string;
  find: string;
  replace: string;
}
export function bundleSim(outfile: string, mistake?: Mistake): Promise<string>;
