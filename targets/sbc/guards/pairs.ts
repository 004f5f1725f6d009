/** `site=berlin,model=a`; none in an empty text. @throws Error, one sentence: a part of another form */
export function readPairs(text: string): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair);
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, value] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
      if (name && value) return [name, value];
      throw new Error(`'${pair}': expected NAME=VALUE`);
    }),
  );
}
