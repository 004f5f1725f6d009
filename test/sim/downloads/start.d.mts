/** The program of these worlds. */
export function bundleDownloads(): Promise<string>;
