export function sizesOfAgent(root: string): Promise<string>;
export function withoutSentences(text: string): { rest: string; count: number };
