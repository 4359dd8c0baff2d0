import { execFile } from 'node:child_process';
import { chmod, cp, readdir, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gitEnvironment } from '../../local/github/git.ts';

/** Makes a git repository of the published files of an installed npm package. */
export async function makePackageRepository(
  name: string,
  parent: string,
): Promise<{ name: string; folder: string; files: number }> {
  const source = packageFolder(name);
  const folder = path.join(parent, name.replace('/', '-').replace('@', ''));
  await cp(source, folder, {
    recursive: true,
    filter: (file) => path.relative(source, file).split(path.sep)[0] !== 'node_modules',
  });
  await makeWritable(folder);
  const git = async (...args: string[]) => {
    const options = { cwd: folder, env: { ...gitEnvironment(), ...IDENTITY }, maxBuffer: 16 * 1024 * 1024 };
    return (await promisify(execFile)('git', args, options)).stdout;
  };
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '--all', '--force');
  await git('commit', '--quiet', '--message', `The published files of ${name}`);
  const files = (await git('ls-files', '-z')).split('\0').length - 1;
  return { name, folder, files };
}

/** A copy has the modes of its source, which a read-only installation does not let its user write. */
async function makeWritable(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const inside = entries.filter((entry) => !entry.isSymbolicLink());
  for (const place of [folder, ...inside.map(({ parentPath, name }) => path.join(parentPath, name))])
    await chmod(place, (await stat(place)).mode | 0o200);
}

const IDENTITY = Object.fromEntries(
  ['AUTHOR', 'COMMITTER'].flatMap((who) => [
    [`GIT_${who}_NAME`, 'Cody Batch'],
    [`GIT_${who}_EMAIL`, 'cody-batch@localhost'],
  ]),
);

function packageFolder(name: string): string {
  // Packages of dynalite are found from its own folder: npm need not put them beside it.
  const dynalite = fileURLToPath(import.meta.resolve('dynalite'));
  const level = createRequire(dynalite).resolve('level');
  const entry =
    name === 'dynalite' ? dynalite : createRequire(level).resolve(name, { paths: [level, dynalite] });
  const inside = path.join('node_modules', ...name.split('/'));
  return entry.slice(0, entry.lastIndexOf(inside) + inside.length);
}
