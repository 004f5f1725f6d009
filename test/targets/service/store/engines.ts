/** What the suites open their stores with: one in memory, unless a run of them is on another engine. */
import { openStore, type Store } from '../../../../targets/service/store/open.ts';

let fresh = inMemory;

function inMemory(): Promise<Store> {
  return openStore(':memory:');
}

/** A store with its tables and nothing in them. */
export function freshStore(): Promise<Store> {
  return fresh();
}

/** Stores come from `make` from now on; without it, from memory again. */
export function useStores(make: () => Promise<Store> = inMemory): void {
  fresh = make;
}
