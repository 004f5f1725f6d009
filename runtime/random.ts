/**
 * Numbers that a seed alone decides: splitmix32, a counter whose bits are mixed. For pauses, tokens and the
 * simulated world; never for secrets. Both take the state that the last call gave (at first the seed, any 32-bit
 * integer) and give the value with the state for the next call.
 */

/** @returns value 0..4_294_967_295, uniform */
export function random32(state: number): [value: number, next: number] {
  const next = (state + 0x9e3779b9) | 0;
  let bits = Math.imul(next ^ (next >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return [(bits ^ (bits >>> 16)) >>> 0, next];
}

/** @returns value in [0, 1), uniform in steps of 2^-32 */
export function randomUnit(state: number): [value: number, next: number] {
  const [value, next] = random32(state);
  return [value / 4_294_967_296, next];
}

/** The next such value, for a state that keeps its chance itself. */
export function draw(owner: { chance: number }): number {
  const [value, next] = randomUnit(owner.chance);
  owner.chance = next;
  return value;
}
