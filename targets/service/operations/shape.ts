/**
 * What a member of an operation may hold. Ranges, lengths and patterns are those of the API model (`iot` 2015-05-28), a
 * pattern in the model's own spelling, so that a message can quote it and a test can compare it.
 */
export type Shape = StringShape | NumberShape | BooleanShape | TimestampShape | ListShape | MapShape | StructureShape;

export interface StringShape {
  readonly type: 'string';
  readonly charsMin?: number;
  readonly charsMax?: number;
  /** Where the service counts bytes of UTF-8 beside characters. */
  readonly bytesMax?: number;
  /** The whole string must match (see `matches`). */
  readonly pattern?: string;
  readonly oneOf?: readonly string[];
}

export interface NumberShape {
  /** `integer`: -2^53 < n < 2^53 without fraction, the model's integer and long alike; `number`: its double. */
  readonly type: 'integer' | 'number';
  readonly min?: number;
  readonly max?: number;
  readonly decimalsMax?: number;
}

export interface BooleanShape {
  readonly type: 'boolean';
}

/** Seconds since the Unix epoch, with a fraction of milliseconds. */
export interface TimestampShape {
  readonly type: 'timestamp';
}

export interface ListShape {
  readonly type: 'list';
  readonly of: Shape;
  readonly itemsMin?: number;
  readonly itemsMax?: number;
}

export interface MapShape {
  readonly type: 'map';
  readonly key: StringShape;
  readonly value: Shape;
  readonly pairsMax?: number;
}

export interface StructureShape {
  readonly type: 'structure';
  readonly members: Readonly<Record<string, Member>>;
}

export interface Member {
  readonly shape: Shape;
  readonly required?: true;
}

/** The TypeScript type of what a shape holds. */
export type ValueOf<S> = S extends { type: 'string'; oneOf: readonly (infer V)[] }
  ? V
  : S extends { type: 'string' }
    ? string
    : S extends { type: 'integer' | 'number' | 'timestamp' }
      ? number
      : S extends { type: 'boolean' }
        ? boolean
        : S extends { type: 'list'; of: infer I }
          ? ValueOf<I>[]
          : S extends { type: 'map'; value: infer V }
            ? Record<string, ValueOf<V>>
            : S extends { type: 'structure'; members: infer M }
              ? MembersOf<M>
              : never;

/** The object that holds `members`: those not required may be absent. */
export type MembersOf<M> = Flat<
  { [K in keyof M as M[K] extends { required: true } ? K : never]: ValueOf<ShapeIn<M[K]>> } & {
    [K in keyof M as M[K] extends { required: true } ? never : K]?: ValueOf<ShapeIn<M[K]>>;
  }
>;
type ShapeIn<T> = T extends { shape: infer S } ? S : never;
type Flat<T> = { [K in keyof T]: T[K] };

const compiled = new Map<string, RegExp>();

/** True when all of `text` matches a pattern of the model, which is written for Java: its POSIX classes are ASCII. */
export function matches(pattern: string, text: string): boolean {
  let regExp = compiled.get(pattern);
  if (regExp === undefined) {
    const source = pattern
      .replaceAll('\\p{Graph}', '!-~')
      .replaceAll('\\p{Upper}', 'A-Z')
      .replaceAll('\\p{Digit}', '0-9');
    regExp = new RegExp(`^(?:${source})$`, 'u');
    compiled.set(pattern, regExp);
  }
  return regExp.test(text);
}
