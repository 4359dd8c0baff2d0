import type { Git } from './git.ts';

/** Returns whole blobs by their identifiers; together they must fit into memory. */
export async function readObjects(git: Git, objectIds: readonly string[]): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer[]>();
  await scanObjects(git, objectIds, (objectId, bytes) => {
    const pieces = contents.get(objectId);
    if (pieces) pieces.push(bytes);
    else contents.set(objectId, [bytes]);
  });
  return new Map([...contents].map(([objectId, pieces]) => [objectId, Buffer.concat(pieces)]));
}

/**
 * Passes blobs to `take` piece by piece, so that they may have any size; an empty blob is one empty piece.
 */
export async function scanObjects(
  git: Git,
  objectIds: readonly string[],
  take: (objectId: string, bytes: Buffer) => void,
): Promise<void> {
  if (objectIds.length === 0) return;
  const reader = new BatchReader(take);
  await git.run(['cat-file', '--batch'], {
    input: Buffer.from(`${[...new Set(objectIds)].join('\n')}\n`),
    read: (chunk) => reader.read(chunk),
  });
}

/** Reads `id type size LF content LF` for each identifier. */
class BatchReader {
  readonly #take: (objectId: string, bytes: Buffer) => void;
  #header = Buffer.alloc(0);
  #objectId = '';
  /** Bytes left of the content and its line feed; 0 between two objects. */
  #left = 0;

  constructor(take: (objectId: string, bytes: Buffer) => void) {
    this.#take = take;
  }

  read(chunk: Buffer): true {
    for (let rest = chunk; rest.length > 0; ) rest = this.#left > 0 ? this.#content(rest) : this.#head(rest);
    return true;
  }

  #content(bytes: Buffer): Buffer {
    const part = bytes.subarray(0, this.#left);
    this.#left -= part.length;
    this.#take(this.#objectId, this.#left === 0 ? part.subarray(0, -1) : part);
    return bytes.subarray(part.length);
  }

  #head(bytes: Buffer): Buffer {
    const lineEnd = bytes.indexOf('\n');
    this.#header = Buffer.concat([this.#header, lineEnd < 0 ? bytes : bytes.subarray(0, lineEnd)]);
    if (lineEnd < 0) return Buffer.alloc(0);
    const [objectId, , size] = this.#header.toString('latin1').split(' ') as [string, string, string];
    this.#objectId = objectId;
    this.#left = Number(size) + 1;
    this.#header = Buffer.alloc(0);
    return bytes.subarray(lineEnd + 1);
  }
}
