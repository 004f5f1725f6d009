import * as assert from 'uvu/assert';
import type { StructureShape } from '../../targets/service/operations/shape.ts';
import { validate } from '../../targets/service/operations/validate.ts';
import { count, type Tally } from './kind.ts';
import type { RawAnswer } from './rawHttp.ts';

/** Refusals from before an operation is known, which no model has. */
const BEFORE_THE_OPERATION: Readonly<Record<string, number>> = {
  InvalidRequestException: 400,
  ResourceNotFoundException: 404,
  RequestEntityTooLargeException: 413,
  MissingAuthenticationTokenException: 403,
  InvalidSignatureException: 403,
  UnrecognizedClientException: 403,
  ForbiddenException: 403,
  CertificateValidationException: 400,
};

/** The row that a request is for, as far as an answer is held to it. */
export interface Row {
  name: string;
  errors: readonly string[];
  output?: StructureShape;
}

/**
 * Fails unless the answer is one of the model: 200 with the members of its operation, or a refusal that its operation has (or
 * that is from before the operation), with status, header and body that agree; never one of 5xx.
 */
export function assertModelled(
  answer: RawAnswer,
  row: Row | undefined,
  statuses: Readonly<Record<string, number>>,
  tally: Tally,
  method: string,
): void {
  const { status, headers, body } = answer;
  const type = headers['x-amzn-errortype'];
  count(tally, type === undefined ? `${status}` : `${status} ${type}`);
  assert.ok(status < 500, `${status} ${body}`);
  assert.is(headers['content-type'], 'application/json');
  if (method === 'HEAD') return;
  const members = JSON.parse(body.toString()) as Record<string, unknown>;
  if (status === 200) {
    assert.ok(row !== undefined, `an answer of no operation: ${body}`);
    if (row.output === undefined) assert.equal(members, {}, `${row.name} answers nothing`);
    else assert.equal(validate(row.output.members, members).faults.lines, [], `${row.name}: ${body}`);
    return;
  }
  assert.ok(type !== undefined, `${status} without a type: ${body}`);
  assert.equal([members.__type, typeof members.message], [type, 'string']);
  assert.ok((members.message as string).length > 0 && !/\n\s+at /.test(members.message as string), `${body}`);
  // From before there is a request: its head is too large, or too slow.
  if ([408, 431].includes(status)) assert.is(type, 'InvalidRequestException');
  else if (row?.errors.includes(type)) assert.is(status, statuses[type], type);
  else assert.is(status, BEFORE_THE_OPERATION[type], `${type} is no error of ${row?.name ?? 'any operation'}: ${body}`);
}
