import type { Octokit } from '@octokit/rest';
import type { PullRequestSettings } from '../../core/job.ts';
import type { Repository } from './base.ts';
import type { Entry, Tree } from './base-tree.ts';
import { statusOf } from './status-of.ts';

/** GitHub's order, in any letter case: https://docs.github.com/communities/using-templates-to-encourage-useful-issues-and-pull-requests */
const FOLDERS = ['.github', '', 'docs'] as const;
const FILE = /^pull_request_template(?:\.(?:md|markdown|txt))?$/i;
const FOLDER = /^pull_request_template$/i;
const IN_FOLDER = /\.(?:md|markdown|txt)$/i;
const MAX_BYTES = 64 * 1024;

/**
 * The pull request template of the repository, as its base has it: empty if it has none, if `wanted` is false, or if it has
 * several in a folder and `wanted` names none of them. One call if there is one.
 */
export async function findTemplate(
  github: Octokit,
  { owner, repo }: Repository,
  tree: Tree,
  wanted: PullRequestSettings['template'] = true,
): Promise<string> {
  const entry = wanted === false ? undefined : await templateIn(tree, wanted === true ? undefined : wanted);
  if (!entry) return '';
  try {
    const { data } = await github.rest.git.getBlob({ owner, repo, file_sha: entry.sha });
    return Buffer.from(data.content, 'base64').toString('utf8');
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    return '';
  }
}

async function templateIn(tree: Tree, name: string | undefined): Promise<Entry | undefined> {
  const top = await tree.inside('');
  const inFolders: Entry[] = [];
  for (const folder of FOLDERS) {
    const path = folder && top.find((entry) => isFolder(entry) && entry.path.toLowerCase() === folder)?.path;
    if (path === undefined) continue;
    const entries = path === '' ? top : await tree.inside(path);
    const single = entries.find((entry) => isText(entry) && FILE.test(entry.path));
    if (single && (name === undefined || isNamed(single, name))) return single;
    const several = entries.find((entry) => isFolder(entry) && FOLDER.test(entry.path));
    const within = several ? await tree.inside(path ? `${path}/${several.path}` : several.path) : [];
    inFolders.push(...within.filter((entry) => isText(entry) && IN_FOLDER.test(entry.path)));
  }
  if (name !== undefined) return inFolders.find((entry) => isNamed(entry, name));
  return inFolders.length === 1 ? inFolders[0] : undefined;
}

function isFolder({ type }: Entry): boolean {
  return type === 'tree';
}

/** Not a symbolic link, whose content is a path. */
function isText({ type, mode, size = 0 }: Entry): boolean {
  return type === 'blob' && mode !== '120000' && size <= MAX_BYTES;
}

/** With or without its ending. */
function isNamed({ path }: Entry, name: string): boolean {
  const [own, asked] = [path.toLowerCase(), name.toLowerCase()];
  return own === asked || own.replace(/\.[a-z]+$/, '') === asked;
}
