import { rawPath } from '../raw-path.ts';
import type { TreePath } from './paths.ts';
import type { ToolContext } from './tool.ts';
import { ignoreRule } from './writable.ts';

/** Why nothing is listed or found at a path although files may be there; empty if that is not the reason. */
export async function whyNothing(
  context: Pick<ToolContext, 'git' | 'tree' | 'signal'>,
  { relative }: TreePath,
): Promise<string> {
  if (relative === '') return '';
  const names = relative.split('/');
  const submodule = names
    .map((_, i) => names.slice(0, i + 1).join('/'))
    .find((folder) => context.tree.submodules.has(rawPath(folder)));
  if (submodule !== undefined)
    return ` ${submodule} is a submodule, another repository, whose files are not here.`;
  const rule = await ignoreRule(context, relative);
  return rule
    ? ` git ignores ${relative} (${rule.source}, line ${rule.line}: ${rule.pattern}), so it was not looked at.`
    : '';
}
