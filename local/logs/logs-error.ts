/** An error that the API answers with 400. */
export class LogsError extends Error {
  override readonly name = 'LogsError';
  readonly type: 'ResourceNotFoundException' | 'InvalidParameterException' | 'UnknownOperationException';

  constructor(type: LogsError['type'], message: string) {
    super(message);
    this.type = type;
  }
}
