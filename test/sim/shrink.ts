import { KINDS } from './faults.ts';
import { runWorld, type Told, type Wish } from './world.ts';

/** A seed that fails, with as little in its world as still fails. */
export interface Shrunk {
  wish: Wish;
  told: Told;
  /** What `--seed` needs beside it, to see this. */
  options: string;
}

/** Lines of the shortened story. */
const STORY_LINES = 80;

/**
 * Leaves out kinds of faults, boards and acts of the operator, one after another, while some promise is still broken: not
 * always the same one, but one that this seed breaks.
 *
 * @param run    of its kind of world, with these kinds of faults
 */
export async function shrink(
  seed: number,
  run: (seed: number, wish: Wish) => Promise<Told> = runWorld,
  kinds: readonly string[] = KINDS,
): Promise<Shrunk | undefined> {
  let wish: Wish = {};
  const fails = async (tried: Wish) => {
    if ((await run(seed, tried)).broken === undefined) return false;
    wish = tried;
    return true;
  };
  if (!(await fails({}))) return undefined;
  for (const kind of kinds) await fails({ ...wish, without: [...(wish.without ?? []), kind] });
  for (const boards of [1, 2, 3]) if (await fails({ ...wish, boards })) break;
  for (const acts of [0, 1, 2, 3, 4, 6, 8, 12, 16, 24]) if (await fails({ ...wish, acts })) break;
  for (const kind of kinds)
    if (!wish.without?.includes(kind)) await fails({ ...wish, without: [...(wish.without ?? []), kind] });
  const options = [
    ...(wish.without?.length ? [`--without ${wish.without.join(',')}`] : []),
    ...(wish.boards === undefined ? [] : [`--boards ${wish.boards}`]),
    ...(wish.acts === undefined ? [] : [`--acts ${wish.acts}`]),
  ].join(' ');
  return { wish, options, told: await run(seed, { ...wish, storyLines: STORY_LINES }) };
}
