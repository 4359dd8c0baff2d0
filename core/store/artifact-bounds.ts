import { DamagedArtifactError } from '../errors.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** By the last part of the key. A worker under an attacker's control may have written any of these. */
const MAX_BYTES_PER_NAME: Readonly<Record<string, number>> = {
  // It names up to 20,000 files.
  'outcome.json': 16 * MIB,
  'usage.json': 64 * KIB,
  // Patches of at most 16 MiB, which redaction may make longer.
  'diff.patch': 24 * MIB,
  'work-tree.patch': 24 * MIB,
  'work-tree-2.patch': 24 * MIB,
};

/** 32 MiB of files in base64 are 43 MiB; every other artifact is smaller. */
const MAX_BYTES = 64 * MIB;

/** The most bytes of an artifact, both compressed and decompressed: a few KB of gzip can become gigabytes. */
export function maxArtifactBytes(key: string): number {
  return MAX_BYTES_PER_NAME[key.slice(key.lastIndexOf('/') + 1)] ?? MAX_BYTES;
}

export function tooLarge(key: string, verb = 'has'): DamagedArtifactError {
  return new DamagedArtifactError(
    `The artifact ${key} ${verb} more than ${maxArtifactBytes(key)} bytes, which is more than this product writes there.`,
  );
}
