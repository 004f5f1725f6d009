/**
 * Numbers that a seed alone decides: splitmix32, a counter whose bits are mixed. For pauses, tokens and the
 * simulated world; never for secrets. A state is at first the seed, any 32-bit integer.
 */

/** @returns value 0..4_294_967_295, uniform; and the state for the next call */
export function random32(state: number): [value: number, next: number] {
  const next = afterOf(state);
  return [mixed(next), next];
}

/** @returns value in [0, 1), uniform in steps of 2^-32; and the state for the next call */
export function randomUnit(state: number): [value: number, next: number] {
  const [value, next] = random32(state);
  return [value / 4_294_967_296, next];
}

/** The next value in [0, 1), for an owner that keeps its state as `chance`. */
export function draw(owner: { chance: number }): number {
  owner.chance = afterOf(owner.chance);
  return mixed(owner.chance) / 4_294_967_296;
}

function afterOf(state: number): number {
  return (state + 0x9e3779b9) | 0;
}

function mixed(state: number): number {
  let bits = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
