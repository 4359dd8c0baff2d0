import { NotFoundError } from '../errors.ts';

/**
 * Refuses a key that could mean something outside the store. S3 itself has no folders, but a client that normalises
 * `bucket/../other/key` would reach another bucket, and a directory is left by the same key.
 */
export function requireArtifactKey(key: string): string {
  const [last, ...folders] = key.split('/').reverse();
  const isOutside = [last, ...folders].some((part) => part === '.' || part === '..');
  // Only a prefix ends in `/`.
  if (isOutside || folders.includes('') || key === '')
    throw new NotFoundError(`The artifact key ${JSON.stringify(key)} leaves the store.`);
  return key;
}
