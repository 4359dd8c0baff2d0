/** What a command needs of a stream that it prints to. */
export type OutStream = NodeJS.WritableStream & { isTTY?: boolean; columns?: number; rows?: number };
export type InStream = NodeJS.ReadableStream & { isTTY?: boolean };

/** The streams of this process; a caller of `main` may give others. */
export const streams: { out: OutStream; err: OutStream; in: InStream } = {
  out: process.stdout,
  err: process.stderr,
  in: process.stdin,
};

/** Whether a person can be asked: input and messages are on a terminal. */
export function isInteractive(): boolean {
  return Boolean(streams.in.isTTY && streams.err.isTTY);
}

/** Whether a stream is a terminal that can move its cursor. */
export function canRedraw(stream: OutStream): boolean {
  return Boolean(stream.isTTY) && process.env.TERM !== 'dumb';
}

const DEFAULT_COLUMNS = 80;

/** The width of a terminal; undefined if the stream is none, such as a pipe, where nothing is cut. */
export function widthOf(stream: OutStream): number | undefined {
  return stream.isTTY ? (stream.columns ?? DEFAULT_COLUMNS) : undefined;
}
