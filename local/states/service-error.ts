/** An error of the caller, which the Step Functions API answers with 400, `__type` and `message`. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  /** The API's name for it, such as ExecutionDoesNotExist. */
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}
