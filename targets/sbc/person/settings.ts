/** What the part adds to the settings, as ../settings.ts has them. */
export const PERSON_SETTINGS = {
  metrics: ['FILE', 'metrics for Prometheus, written when they change', readFile, ''],
} as const;

export interface PersonSettings {
  /** undefined: none are wanted. */
  metrics: string | undefined;
}

function readFile(text: string, file: string): string | undefined {
  return text ? file : undefined;
}
