import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

const deflate = promisify(zlib.deflate);
const inflate = promisify(zlib.inflate);

export type ObjectType = 'blob' | 'tree' | 'commit' | 'tag';
export type GitObject = { type: ObjectType; content: Buffer };

/**
 * git's store for single objects (gitrepository-layout(5)): the file is named by the SHA-1 of `type
 * size\0content`, and has these bytes deflated. Writing it here saves a git process.
 */
const pathOf = (gitFolder: string, sha: string): string =>
  join(gitFolder, 'objects', sha.slice(0, 2), sha.slice(2));

/** Enough for any deflated header. */
const HEADER_BYTES = 128;

const isAbsent = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** Returns the object's SHA. The file is renamed into place, so it is never partial. */
export async function writeLooseObject(gitFolder: string, { type, content }: GitObject): Promise<string> {
  const bytes = Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]);
  const sha = createHash('sha1').update(bytes).digest('hex');
  const path = pathOf(gitFolder, sha);
  const temporary = join(dirname(path), `tmp_obj_${randomUUID()}`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(temporary, await deflate(bytes, { level: 1 }), { mode: 0o444 });
  await rename(temporary, path);
  return sha;
}

/** Returns undefined if the object is absent or in a pack. */
export async function readLooseObject(gitFolder: string, sha: string): Promise<GitObject | undefined> {
  try {
    const bytes = await inflate(await readFile(pathOf(gitFolder, sha)));
    const end = bytes.indexOf(0);
    const type = bytes.toString('latin1', 0, bytes.indexOf(' ')) as ObjectType;
    return { type, content: bytes.subarray(end + 1) };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** The type and the size alone, without reading a content that may be long. */
export async function readLooseHeader(
  gitFolder: string,
  sha: string,
): Promise<{ type: ObjectType; size: number } | undefined> {
  const file = await open(pathOf(gitFolder, sha)).catch((error: unknown) => {
    if (isAbsent(error)) return undefined;
    throw error;
  });
  if (!file) return undefined;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    const start = zlib.inflateSync(buffer.subarray(0, bytesRead), {
      finishFlush: zlib.constants.Z_SYNC_FLUSH,
    });
    const [type, size] = start.toString('latin1', 0, start.indexOf(0)).split(' ');
    return { type: type as ObjectType, size: Number(size) };
  } finally {
    await file.close();
  }
}
