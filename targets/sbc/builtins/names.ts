/** A name that no program takes for an option, a path, a group or something to be fetched; apt-get removes what ends in `-`. */
const NAME = /^[a-z0-9]([\w.+:=~@-]*[\w.+])?$/i;

/**
 * The names in a handler's arguments. The managed templates give several in one argument, with spaces between them.
 *
 * @param what  what they are names of, for the sentence
 * @throws Error of one sentence when there are none, or when one could be taken for more than a name
 */
export function readNames(what: string, args: readonly string[]): string[] {
  const names = args.flatMap((arg) => arg.split(/\s+/)).filter((name) => name);
  if (names.length === 0) throw new Error(`expected the names of ${what}, found none`);
  for (const name of names)
    if (!NAME.test(name)) throw new Error(`'${name.slice(0, 40)}' cannot be one of the ${what}: expected a name`);
  return names;
}
