import { z } from 'zod';
import type { Git } from '../git.ts';
import { resolveExisting } from './paths.ts';
import { defineTool } from './tool.ts';

const MAX_PATHS = 500;

const schema = z.object({
  path: z.string().optional().describe('Folder to look in; the whole repository where absent'),
  pattern: z.string().optional().describe('Glob that a path must match, from that folder, such as **/*.ts'),
});

export const listFilesTool = defineTool({
  name: 'list_files',
  description: `Lists files, at most ${MAX_PATHS}, one path a line from the top of the repository. Files that git ignores are left out.`,
  schema,
  effect: 'reads',
  boundsItself: true,
  async run({ path = '.', pattern }, { workspace, git }) {
    const folder = await resolveExisting(workspace, path);
    const listed = await listTree(git, folder.relative);
    const below = folder.relative && `${folder.relative}/`;
    const files = pattern ? await matching(folder.absolute, below, pattern, listed) : listed;
    if (files.length === 0) return 'No files.';
    const more = files.length - MAX_PATHS;
    const shown =
      more > 0
        ? [...files.slice(0, MAX_PATHS), `… ${more} more files; narrow the list with path or pattern.`]
        : files;
    return shown.join('\n');
  },
});

/** What git knows or could know, less what was deleted since, which git lists a second time with the tag R. */
async function listTree(git: Git, folder: string): Promise<string[]> {
  const options = ['--cached', '--others', '--deleted', '--exclude-standard', '--deduplicate', '-t', '-z'];
  const listing = await git.run(['--literal-pathspecs', 'ls-files', ...options, '--', folder || '.']);
  const entries = listing.toString('utf8').split('\0').filter(Boolean);
  const deleted = new Set(entries.filter((entry) => entry.startsWith('R ')).map((entry) => entry.slice(2)));
  const files = new Set(entries.map((entry) => entry.slice(2)));
  return [...files].filter((file) => !deleted.has(file)).sort();
}

/** What the glob finds among the listed files; it never walks into a folder without one, such as node_modules. */
async function matching(
  cwd: string,
  below: string,
  pattern: string,
  listed: readonly string[],
): Promise<string[]> {
  const files = new Set(listed);
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
    cwd,
    dot: true,
    nodir: true,
    posix: true,
    ignore: {
      ignored: (entry) => !files.has(below + entry.relativePosix()),
      childrenIgnored: (entry) => entry.relativePosix() !== '' && !folders.has(below + entry.relativePosix()),
    },
  });
  return found.map((file) => below + file).sort();
}
