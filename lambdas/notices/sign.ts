import { createHmac } from 'node:crypto';

/** The headers by which a receiver knows that a notice is ours, and fresh. `at` is in epoch seconds. */
export function signatureHeaders(key: string, body: string, at: number): Record<string, string> {
  const digest = createHmac('sha256', key).update(`${at}.${body}`).digest('hex');
  return { 'cody-batch-timestamp': String(at), 'cody-batch-signature': `v1=${digest}` };
}
