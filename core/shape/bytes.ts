import { createHash } from 'node:crypto';

/** Bytes as a string with one character a byte, so that text of any encoding keeps every byte. */
export function toLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Of bytes, or of text that `toLatin1` made. */
export function sha256(content: Uint8Array | string): string {
  const hash = createHash('sha256');
  return (typeof content === 'string' ? hash.update(content, 'latin1') : hash.update(content)).digest('hex');
}
