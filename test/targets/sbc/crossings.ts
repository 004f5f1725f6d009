/**
 * Ways over the border of the agent's file for the private names `operation` and `servername`, for private.test.ts: each line that
 * ends in `// crosses` is one, no other is. Never run.
 */
import { connect } from 'node:tls';
import { encodeObject, isObject, type JsonObject, type JsonValue } from '../../../runtime/jobs/json.ts';

interface Request {
  operation: string;
}
interface Facts {
  readonly known: { readonly list: readonly Request[] };
}
const OPERATION = 'operation';

declare const request: Request;
declare const facts: Facts;
declare const document: JsonObject;
declare const anything: unknown;
declare const word: keyof (Request & { jobId: string });

export function inside(): unknown[] {
  const { operation, ...members } = { ...request, jobId: '1' };
  const again: Request = { operation };
  const taken: Request = facts.known.list[0] ?? again;
  const tagged: Record<string, string> = { [OPERATION]: taken.operation };
  return [encodeObject(members), document[OPERATION], tagged, JSON.stringify({ [OPERATION]: operation })];
}

export const read = (value: JsonValue) => isObject(value) && value.operation; // crosses
export const taken = ({ operation }: JsonObject) => operation; // crosses
export const parsed = JSON.parse('{}') as Request; // crosses
export const narrowed: Facts = JSON.parse('{}'); // crosses
export const twice = anything as unknown as Request; // crosses
export const isRequest = (value: unknown): value is Request => isObject(value); // crosses
export const printed = () => JSON.stringify(request); // crosses
export const deep = () => JSON.stringify([facts]); // crosses
export const encoded = () => encodeObject({ operation: 'x' }); // crosses
export const listed = () => Object.entries(request); // crosses
export const recorded: Record<string, string> = { operation: 'x' }; // crosses
export const asked = () => request[word as 'operation']; // crosses
export const within = () => 'operation' in request; // crosses
export const secure = (servername: string) => connect({ host: 'localhost', servername }); // crosses
export const told = () => connect(443).servername; // crosses
export const heard = () => process.on('message', (told: Request) => told); // crosses
export const sent = () => process.send?.(request); // crosses
