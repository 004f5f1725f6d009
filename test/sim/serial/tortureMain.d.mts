export interface Row {
  name: string;
  counts: Record<string, number>;
  broken: { seed: number; why: string }[];
  story: string[];
}
export function tortureSerial(wish: {
  frames: number;
  jobs: number;
  seed: number;
  kinds?: string[];
  story?: number;
  progress?: (row: Row) => void;
}): Promise<Row[]>;
export function line(row?: Row): string;
