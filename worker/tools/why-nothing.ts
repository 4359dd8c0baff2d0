import { submoduleOf, type TreePath } from './paths.ts';
import type { ToolContext } from './tool.ts';
import { ignoreRule } from './writable.ts';

/** Why nothing is listed or found at a path although files may be there; empty if that is not the reason. */
export async function whyNothing(
  context: Pick<ToolContext, 'git' | 'tree' | 'signal'>,
  { relative }: TreePath,
): Promise<string> {
  if (relative === '') return '';
  const submodule = submoduleOf(context.tree, relative);
  if (submodule !== undefined)
    return ` ${submodule} is a submodule, another repository, whose files are not here.`;
  const rule = await ignoreRule(context, relative);
  return rule
    ? ` git ignores ${relative} (${rule.source}, line ${rule.line}: ${rule.pattern}), so it was not looked at.`
    : '';
}
