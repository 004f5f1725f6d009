/** What the tables beside this say of each rule of a specification file, and how they are compared with it and with the tests. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** A row that no test can hold, with the reason instead of a test's name: as few as there can be. */
export const NOT_OURS = 'not ours';

/**
 * How sure the rule is, as tagged in the file: M the API model, D the guide, L seen on the wire, or several of them. Each such row
 * is one tagged sentence or cell, in the order of the file.
 *
 * `default`: untagged, and M by what the head of its file says. Empty: a further part of the row above, or a vector.
 */
export type Tag = 'M' | 'D' | 'L' | 'MD' | 'DM' | 'LD' | 'DL' | 'LM' | 'default' | '';

/**
 * The rule in a few words; the test's file below test/, and words of its name that are nowhere else in that file. Or NOT_OURS and
 * the reason.
 */
export type Rule = readonly [tag: Tag, rule: string, file: string, words: string];

export interface Section {
  /** As it is numbered: '§2.1'. */
  section: string;
  /** So many of its sentences are tagged M, D or L. */
  tagged: number;
  rules: readonly Rule[];
}

export interface SpecificationFile {
  /** Its name without the ending. */
  name: string;
  sections: readonly Section[];
}

/** The tags of the rows that stand for one tagged sentence each. */
export function tagsOf({ rules }: Section): string[] {
  return rules.map(([tag]) => tag).filter((tag) => tag !== '' && tag !== 'default');
}

/**
 * The tags M, D and L of each numbered section of a specification, in their order; what stands in blocks of code is passed over.
 *
 * @param text  Markdown, with tags such as `[D]` or `[M][D]` in backticks
 */
export function tagsIn(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let section: string | undefined;
  let isCode = false;
  for (const line of text.split('\n')) {
    if (line.startsWith('```')) isCode = !isCode;
    if (isCode) continue;
    const [, number] = /^#{2,3} (\d+(?:\.\d+)?)/.exec(line) ?? [];
    if (number !== undefined) section = `§${number}`;
    else if (line.startsWith('## ')) section = undefined;
    if (section === undefined) continue;
    for (const [, tags = ''] of line.matchAll(/`((?:\[[^\]`]+\])+)`/g)) {
      const sure = [...tags.matchAll(/\[([MDL])[\] ]/g)].map(([, letter]) => letter).join('');
      if (sure !== '') found.set(section, [...(found.get(section) ?? []), sure]);
    }
  }
  return found;
}

/**
 * The rules whose test is not there: its words stand nowhere in its file, or more than once, so that a test of another name
 * could stand in for it.
 *
 * @param read  the text of a file below test/; throws where there is none
 */
export function lostRules({ name, sections }: SpecificationFile, read: (file: string) => string): string[] {
  return sections.flatMap(({ section, rules }) =>
    rules
      .filter(([, , file, words]) =>
        file === NOT_OURS ? words === '' : timesIn(withoutComments(read(file)), words) !== 1,
      )
      .map(([, rule, file, words]) => `${name} ${section}, ${rule}: '${words}' in ${file}`),
  );
}

function timesIn(text: string, words: string): number {
  return text.split(words).length - 1;
}

function withoutComments(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/^\s*(\/\/|\/?\*)/.test(line))
    .join('\n');
}

const root = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../../../..');

/** The text of a file below test/. */
export function readTest(file: string): string {
  return readFileSync(path.join(root, 'test', file), 'utf8');
}

/** The text of a file of the specification; undefined where it does not lie beside the repository. */
export function readSpecification(name: string): string | undefined {
  const file = path.join(repository(), '../shared/spec', `${name}.md`);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** Where the repository lies, also for a further work tree of it, whose `.git` is a file that names it. */
function repository(): string {
  const git = path.join(root, '.git');
  if (!existsSync(git)) return root;
  try {
    const [, own] = /^gitdir: (.*)\/\.git\/worktrees\//.exec(readFileSync(git, 'utf8')) ?? [];
    return own ?? root;
  } catch {
    return root; // a folder
  }
}
