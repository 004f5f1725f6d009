/** A promise that was broken: which, and by what. */
export class Broken extends Error {}
