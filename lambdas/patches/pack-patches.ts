import { createHash } from 'node:crypto';
import { chunks, inParallel } from '../../core/in-parallel.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { findBytes } from '../../core/store/artifacts.ts';
import type { Readable } from '../../core/store/stored.ts';
import type { Context } from '../context.ts';
import { setAside } from '../logger.ts';
import { unlessDeleted } from '../run/unless-deleted.ts';
import { fileNames } from './file-names.ts';
import { Archive } from './pack.ts';

const ATTRIBUTES = [
  ...(['repositoryName', 'status', 'outcome', 'end', 'run', 'resultRun', 'artifacts'] as const),
  ...([
    'baseBranch',
    'baseSha',
    'patchSha',
    'shape',
    'kin',
    'changedFiles',
    'additions',
    'deletions',
  ] as const),
];
type Row = Readable<Pick<RepositoryResult, (typeof ATTRIBUTES)[number]>>;

/** Patches are text, which shrinks to about a fifth; the archive stays far below the largest artifact, 64 MiB. */
const MAX_ARCHIVE_BYTES = 32 * 1024 * 1024;
/** Patches read at once: each has at most 24 MiB, and most have a few KiB. */
const BATCH = 16;
/** Below the 29 s of an answer. */
const MAX_MS = 15_000;

export type Packed = {
  key: string;
  patches: number;
  /** The last repository, if the archive does not have all that were asked for. */
  cursor: string | undefined;
};

/** Packs the patches of the first of these repositories, at most `limit`, and a manifest.json that says what each file is and what was left out. */
export async function packPatches(
  jobId: string,
  asked: readonly string[],
  { limit, ...about }: { limit: number },
  context: Context,
): Promise<Packed> {
  const names = asked.slice(0, limit);
  const found = await context.repositories.getMany(jobId, names, ATTRIBUTES);
  const rows = new Map(found.map((row) => [row.repositoryName, row]));
  const files = fileNames(names);
  const archive = new Archive();
  const patches: object[] = [];
  const leftOut: object[] = [];
  const started = performance.now();
  let done = 0;
  for (const batch of chunks(names, BATCH)) {
    const contents = await readPatches(batch, rows, context);
    for (const name of batch) {
      const row = rows.get(name);
      const content = contents.get(name);
      if (content instanceof Buffer) {
        const file = files[done]!;
        archive.add(file, content);
        patches.push({ repository: name, file, ...shown(row!) });
      } else leftOut.push({ repository: name, why: content });
      done += 1;
    }
    if (archive.bytes > MAX_ARCHIVE_BYTES || performance.now() - started > MAX_MS) break;
  }
  const cursor = done < asked.length ? names[done - 1] : undefined;
  const manifest = { jobId, ...about, patches, leftOut, ...(cursor !== undefined && { cursor }) };
  const text = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  archive.add('manifest.json', text);
  const key = artifactKeys.patches(jobId, createHash('sha256').update(text).digest('hex'));
  await unlessDeleted(jobId, context, () =>
    context.artifacts.write(key, archive.end(), { contentType: 'application/zip', plain: true }),
  );
  return { key, patches: patches.length, cursor };
}

/** The patch of each repository, or why there is none. */
async function readPatches(
  names: readonly string[],
  rows: ReadonlyMap<string, Row>,
  { artifacts }: Pick<Context, 'artifacts'>,
): Promise<Map<string, Buffer | string>> {
  const contents = new Map<string, Buffer | string>();
  await inParallel(names, BATCH, async (name) => {
    const row = rows.get(name);
    const key = row?.artifacts?.diff;
    if (row?.outcome !== 'changed' || key === undefined) {
      contents.set(name, whyNone(row));
      return;
    }
    const patch = await findBytes(artifacts, key, setAside);
    const isRecorded = patch && (row.patchSha === undefined || sha256(patch) === row.patchSha);
    if (isRecorded) contents.set(name, patch);
    else
      contents.set(
        name,
        patch ? 'its patch is not the one that was recorded' : 'its patch is missing or damaged',
      );
  });
  return contents;
}

function whyNone(row: Row | undefined): string {
  if (!row) return 'it has not started';
  if (row.outcome === 'changed') return 'its patch is missing or damaged';
  if (row.outcome)
    return row.end ? `its outcome is ${row.outcome} (${row.end})` : `its outcome is ${row.outcome}`;
  return `its status is ${row.status}`;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function shown({ repositoryName: _, artifacts: __, status: ___, outcome: ____, end: _____, ...row }: Row) {
  return row;
}
