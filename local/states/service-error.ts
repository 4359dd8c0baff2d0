/** An answer of the Step Functions API that says what the caller did wrong: 400 with `__type` and `message`. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  /** The API's name for it, such as ExecutionDoesNotExist. */
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}
