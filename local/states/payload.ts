import { dataLimitExceeded } from './state-error.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/**
 * The most bytes of UTF-8 in an execution's input, a state's input or output, or a task's result: 256 KiB,
 * https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
 */
export const MAX_PAYLOAD_BYTES = 262_144;

/** Returns the JSON text of `value`. Throws States.DataLimitExceeded, with `what`, if it is longer than AWS accepts. */
export function encodePayload(value: unknown, what: string): string {
  const text = JSON.stringify(value) ?? 'null';
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_PAYLOAD_BYTES) throw dataLimitExceeded(what, bytes, MAX_PAYLOAD_BYTES);
  return text;
}
