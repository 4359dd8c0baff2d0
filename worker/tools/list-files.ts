import { z } from 'zod';
import { legible, rawPath } from '../checkout/raw-path.ts';
import { showPath } from './path-names.ts';
import { resolveExisting, type TreePath } from './paths.ts';
import { defineTool, type ToolContext } from './tool.ts';
import { whyNothing } from './why-nothing.ts';

const MAX_PATHS = 500;

const schema = z.object({
  path: z.string().optional().describe('Folder to look in; the whole repository where absent'),
  pattern: z.string().optional().describe('Glob that a path must match, from that folder, such as **/*.ts'),
});

export const listFilesTool = defineTool({
  name: 'list_files',
  description: `Lists files, at most ${MAX_PATHS}, one path a line from the top of the repository. Files that git ignores are left out. A path in quotes is given to other tools as it stands.`,
  schema,
  effect: 'reads',
  boundsItself: true,
  async run({ path = '.', pattern }, context) {
    const folder = await resolveExisting(context, path);
    const listed = await listTree(context, folder);
    const files = pattern ? await matching(folder, pattern, listed) : listed;
    if (files.length === 0) return `No files.${listed.length === 0 ? await whyNothing(context, folder) : ''}`;
    const more = files.length - MAX_PATHS;
    const shown = files.slice(0, MAX_PATHS).map(showPath);
    if (more > 0) shown.push(`… ${more} more files; narrow the list with path or pattern.`);
    return shown.join('\n');
  },
});

/** Tracked and new files. git lists deleted files a second time with the tag R; they are removed. */
export async function listTree(
  { git, tree, signal }: Pick<ToolContext, 'git' | 'tree' | 'signal'>,
  { relative }: TreePath,
): Promise<string[]> {
  const options = ['--cached', '--others', '--deleted', '--exclude-standard', '--deduplicate', '-t', '-z'];
  const args = ['--literal-pathspecs', 'ls-files', ...options, '--', relative || '.'];
  // latin1 keeps all bytes of paths that are not UTF-8.
  const entries = (await git.run(args, { signal })).toString('latin1').split('\0').filter(Boolean);
  const deleted = new Set(entries.filter((entry) => entry.startsWith('R ')).map((entry) => entry.slice(2)));
  const files = new Set(entries.map((entry) => entry.slice(2)));
  return [...files].filter((file) => !deleted.has(file) && !tree.submodules.has(file)).sort();
}

/** The listed files that match the glob. Folders without any, such as node_modules, are not read. */
async function matching(folder: TreePath, pattern: string, listed: readonly string[]): Promise<string[]> {
  const below = folder.relative && `${folder.relative}/`;
  const files = new Set(listed.map(legible));
  const folders = new Set<string>();
  for (const file of files) {
    for (let slash = file.lastIndexOf('/'); slash > 0; slash = file.lastIndexOf('/', slash - 1)) {
      const folder = file.slice(0, slash);
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  }
  const { glob } = await import('glob');
  const found = await glob(pattern.replace(/^\/+/, ''), {
    cwd: folder.absolute,
    dot: true,
    nodir: true,
    posix: true,
    ignore: {
      ignored: (entry) => !files.has(below + entry.relativePosix()),
      childrenIgnored: (entry) => entry.relativePosix() !== '' && !folders.has(below + entry.relativePosix()),
    },
  });
  return found.map((file) => rawPath(below + file)).sort();
}
