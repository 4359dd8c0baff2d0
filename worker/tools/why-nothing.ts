import { submoduleOf, type TreePath } from './paths.ts';
import type { ToolContext } from './tool.ts';
import { ignoreRule } from './writable.ts';

/** Explains why files at a path are not listed or searched; empty if they are. */
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
