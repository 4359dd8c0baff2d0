import { DamagedArtifactError } from '../errors.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** By the last part of the key; a worker that was taken over may have written any of these. */
const LARGEST: Readonly<Record<string, number>> = {
  // Up to 20,000 files are named in it.
  'outcome.json': 16 * MIB,
  'usage.json': 64 * KIB,
  // Patches of at most 16 MiB, in which a secret may have been replaced by a longer word.
  'diff.patch': 24 * MIB,
  'work-tree.patch': 24 * MIB,
  'work-tree-2.patch': 24 * MIB,
};

/** 32 MiB of files in base64 are 43 MiB; everything else is smaller. */
const LARGEST_OF_ALL = 64 * MIB;

/**
 * The most bytes that a reader takes of an artifact, as it is stored and as it is when it is decompressed: a few KB of
 * gzip become gigabytes.
 */
export function maxArtifactBytes(key: string): number {
  return LARGEST[key.slice(key.lastIndexOf('/') + 1)] ?? LARGEST_OF_ALL;
}

export function tooLarge(key: string, what = 'has'): DamagedArtifactError {
  return new DamagedArtifactError(
    `The artifact ${key} ${what} more than ${maxArtifactBytes(key)} bytes, which is more than this product writes there.`,
  );
}
