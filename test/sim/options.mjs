import { parseArgs } from 'node:util';

const EXIT_WRONG = 2;

/**
 * The options of a script of this folder, as texts; ends the process with its help, or with what is wrong.
 *
 * @param help    begins with what the script does, and shows every option as `--name`
 * @param words   whether it takes words besides
 */
export function readOptions(help, { words = false } = {}) {
  const names = [...help.matchAll(/--([a-z-]+)/g)].map(([, name]) => name);
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
  try {
    const found = parseArgs({ options: { ...options, help: { type: 'boolean' } }, allowPositionals: words });
    if (!found.values.help) return { ...found.values, words: found.positionals };
  } catch (error) {
    refuse(error.message);
  }
  process.stdout.write(help);
  process.exit(0);
}

/** The whole number of an option, or `otherwise` where it is not given. */
export function wholeOf(options, name, otherwise) {
  const text = options[name] ?? `${otherwise}`;
  if (!/^\d+$/.test(text)) refuse(`--${name} ${text}: expected a whole number`);
  return Number(text);
}

/** Ends the process with one sentence. */
export function refuse(sentence) {
  console.error(`${sentence}; --help says what there is`);
  process.exit(EXIT_WRONG);
}
