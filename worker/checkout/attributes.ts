import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Workspace } from '../sandbox/workspace.ts';
import type { TreeFacts } from './check-out.ts';
import type { Git } from './git.ts';

/** Attributes of a path, by the .gitattributes of base commit and work tree; either one counts. */
export type Attributes = {
  /** The filter that git stores the file through, such as `lfs`. A path with a filter cannot be written here. */
  filter: string | undefined;
  /**
   * The encodings that checkouts of the file have; its blob is UTF-8. More than one if base and tree differ.
   */
  encodings: readonly string[];
  /**
   * Whether git stores the file with LF: always, or unless its bytes look binary. The work tree's value has
   * precedence, so that a job can add `*.png binary` and a PNG.
   */
  text: 'always' | 'auto' | 'never';
};

const ASKED = ['filter', 'working-tree-encoding', 'text', 'crlf', 'eol'] as const;

type Answers = Partial<Record<(typeof ASKED)[number], string>>;

/**
 * Makes a second, read-only git directory on the clone's objects and index. The clone's own turns attributes
 * off, so `check-attr` would report `unset` for every path there.
 */
export async function prepareAttributes(workspace: Workspace): Promise<void> {
  const folder = folderOf(workspace);
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.join(folder, 'refs'), { recursive: true });
  await writeFile(path.join(folder, 'HEAD'), 'ref: refs/heads/none\n');
  for (const name of ['objects', 'index'])
    await symlink(path.join(workspace.gitFolder, name), path.join(folder, name));
}

/** Takes and returns raw paths (raw-path.ts). A path need not exist. */
export async function attributesOf(
  { git, hasAttributes }: { git: Git } & Pick<TreeFacts, 'hasAttributes'>,
  workspace: Workspace,
  paths: readonly string[],
): Promise<Map<string, Attributes>> {
  if (paths.length === 0) return new Map();
  const ask = async (source: readonly string[]) => {
    const answer = await git.run(['check-attr', ...source, '-z', '--stdin', ...ASKED], {
      gitFolder: folderOf(workspace),
      input: Buffer.from(`${paths.join('\0')}\0`, 'latin1'),
    });
    return parse(answer);
  };
  // A base commit without .gitattributes sets none.
  const ofBase = hasAttributes ? ask(['--cached']) : new Map<string, Answers>();
  const [base, tree] = await Promise.all([ofBase, ask([])]);
  return new Map(paths.map((file) => [file, combine(base.get(file) ?? {}, tree.get(file) ?? {})]));
}

/** Reads `path NUL attribute NUL value NUL`. */
function parse(answer: Buffer): Map<string, Answers> {
  const fields = answer.toString('latin1').split('\0');
  const answers = new Map<string, Answers>();
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const [file, attribute, value] = fields.slice(at, at + 3) as [string, (typeof ASKED)[number], string];
    const known = answers.get(file) ?? {};
    if (value !== 'unspecified') known[attribute] = value;
    answers.set(file, known);
  }
  return answers;
}

function combine(base: Answers, tree: Answers): Attributes {
  const encodings = [base, tree].map((answers) => named(answers['working-tree-encoding']));
  return {
    filter: named(tree.filter) ?? named(base.filter),
    encodings: [...new Set(encodings.filter((encoding) => encoding !== undefined))],
    text: textOf(tree) ?? textOf(base) ?? 'never',
  };
}

/** git ignores `filter` without a name, and `-filter`. */
function named(value: string | undefined): string | undefined {
  return value === undefined || value === 'set' || value === 'unset' ? undefined : value;
}

/** Follows git's convert.c: `crlf` is the old name of `text`, and `eol` alone makes a file text. */
function textOf({ text, crlf, eol }: Answers): Attributes['text'] | undefined {
  const action = actionOf(text) ?? actionOf(crlf);
  if (action !== undefined && action !== 'always') return action;
  return eol === 'lf' || eol === 'crlf' ? 'always' : action;
}

function actionOf(value: string | undefined): Attributes['text'] | undefined {
  if (value === 'set' || value === 'input') return 'always';
  if (value === 'unset') return 'never';
  return value === 'auto' ? 'auto' : undefined;
}

function folderOf({ privateFolder }: Workspace): string {
  return path.join(privateFolder, 'attributes');
}
