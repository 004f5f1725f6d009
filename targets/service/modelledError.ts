/**
 * An error that the API model names: thrown by an operation, turned into an answer by the HTTP layer, which puts `type` into
 * `x-amzn-ErrorType` and `__type`, and `message` with `members` into the body.
 */
export class ModelledError extends Error {
  constructor(
    /** As in the model, such as `ResourceNotFoundException`. */
    readonly type: string,
    /** HTTP status. */
    readonly status: number,
    message: string,
    /** Further members of the body, such as `resourceArn`. */
    readonly members: Record<string, unknown> = {},
  ) {
    super(message);
    this.name = type;
  }
}
