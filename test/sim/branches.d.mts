export function branchesOf(text: string): { name: string; at: number; since: number | undefined }[];
