import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** A file in the object store; `commit` is the identifier of a submodule. */
export type RawFile = { mode: '100644' | '100755' | '120000'; bytes: Buffer } | { commit: string };

/** Keys are raw paths: latin1 strings, because paths need not be UTF-8. */
export type RawTree = ReadonlyMap<string, RawFile>;

/**
 * Commits each tree to the branch of its name in a bare repository, with one process for all. Replaces what the branch had,
 * if no `parent` is given, and starts from the parent's files otherwise.
 */
export async function importTrees(
  bare: string,
  trees: Readonly<Record<string, RawTree>>,
  { message = '', parent }: { message?: string; parent?: string } = {},
): Promise<void> {
  const stream = Object.entries(trees).flatMap(([branch, tree]) => [
    Buffer.from(`commit refs/heads/${branch}\ncommitter Test <test@example.com> 1700000000 +0000\n`),
    Buffer.from(`data ${Buffer.byteLength(message)}\n${message}\n${parent ? `from ${parent}\n` : ''}`),
    ...[...tree].flatMap(([file, raw]) => describe(file, raw)),
    Buffer.from('\n'),
  ]);
  // Without the limit, git starts another process that unpacks the few objects.
  await runGit(
    bare,
    ['--git-dir', bare, '-c', 'fastimport.unpackLimit=0', 'fast-import', '--quiet', '--force'],
    {
      input: Buffer.concat(stream),
    },
  );
}

export function text(content: string | Buffer, mode: '100644' | '100755' = '100644'): RawFile {
  return { mode, bytes: Buffer.from(content) };
}

function describe(file: string, raw: RawFile): Buffer[] {
  // Quoted by C's rules, each byte as an escape.
  const quoted = [...Buffer.from(file, 'latin1')]
    .map((byte) => `\\${byte.toString(8).padStart(3, '0')}`)
    .join('');
  if ('commit' in raw) return [Buffer.from(`M 160000 ${raw.commit} "${quoted}"\n`)];
  return [
    Buffer.from(`M ${raw.mode} inline "${quoted}"\ndata ${raw.bytes.length}\n`),
    raw.bytes,
    Buffer.from('\n'),
  ];
}

/** Runs git without the machine's configuration, and returns its output. */
export async function runGit(
  cwd: string,
  args: readonly string[],
  { input, index }: { input?: Buffer; index?: string } = {},
): Promise<Buffer> {
  const running = promisify(execFile)('git', args, {
    encoding: 'buffer',
    maxBuffer: 1024 ** 3,
    cwd,
    env: {
      PATH: process.env.PATH,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      ...(index && { GIT_INDEX_FILE: index }),
    },
  });
  // git may exit without reading its input.
  running.child.stdin!.on('error', () => {}).end(input ?? '');
  return (await running).stdout;
}
