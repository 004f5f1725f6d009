import type { ErrorType } from './errorTypes.ts';
import type { Member, MembersOf, StructureShape } from './shape.ts';

/** One row of the table of operations: everything that routing, validation, the command line and help have to know. */
export interface Operation {
  /** As in the API model: `CreateJob`. The command line calls it `create-job`. */
  readonly name: string;
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Literal segments and labels: `/things/{thingName}/jobs/{jobId}`. */
  readonly path: string;
  readonly about: string;
  readonly input: Readonly<Record<string, InputMember>>;
  /** Undefined: the answer is empty. */
  readonly output?: StructureShape;
  readonly errors: readonly ErrorType[];
  /** On the command line a lone FILE gives the text of this member: `errand set-faults FILE`. */
  readonly file?: string;
}

export interface InputMember extends Member {
  /** Where the member travels: a label of the path, the query string, a header, or the JSON body. */
  readonly in: 'path' | 'query' | 'header' | 'body';
  /** Name of the header where `in` is 'header'. */
  readonly header?: string;
  /** Name in the query string where it is not the member's own; elsewhere a member travels under its own name. */
  readonly query?: string;
  readonly about: string;
}

/** The TypeScript type of a row's validated input. */
export type InputOf<O extends { input: unknown }> = MembersOf<O['input']>;

/** `CreateKeysAndCertificate` -> `create-keys-and-certificate`; `jobId` -> `job-id`. */
export function hyphenated(name: string): string {
  return name.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
}
