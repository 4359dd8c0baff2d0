/** A line of a log. */
export type LogEvent = {
  stream: string;
  /** Epoch milliseconds. */
  timestamp: number;
  message: string;
  /** Distinguishes it from all others of its group, the same at each reading. */
  id: string;
};

/** A range of time in epoch milliseconds, `from` included and `to` excluded. */
export type Range = { from: number; to: number };

/** Files that CloudWatch Logs would have as one log group. */
export type LogGroup = {
  readonly name: string;
  /** The lines in the range, in no certain order. `stream` names the only stream that is read. */
  events(range: Range, streams: (name: string) => boolean): AsyncIterable<LogEvent>;
};
