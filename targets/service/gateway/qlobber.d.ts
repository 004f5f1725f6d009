/** The part of qlobber 8 that is used here; the package has no types of its own. */
declare module 'qlobber' {
  export class Qlobber<Value> {
    constructor(options: {
      separator: string;
      wildcard_one: string;
      wildcard_some: string;
      match_empty_levels: boolean;
      max_words: number;
    });
    add(topic: string, value: Value): this;
    remove(topic: string, value: Value): this;
    match(topic: string): Value[];
  }
}
