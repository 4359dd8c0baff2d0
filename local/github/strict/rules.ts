import { posix } from 'node:path';
import type { Repository } from '../repositories/repository.ts';
import type { RulesetRecord } from '../repositories/repository-record.ts';

type Rule = RulesetRecord['rules'][number];

/** GitHub's message for each violated rule. */
const VIOLATIONS: Readonly<Record<Rule['type'], string>> = {
  creation: 'Cannot create ref due to creations being restricted.',
  update: 'Cannot update this protected ref.',
  deletion: 'Cannot delete this protected ref.',
  non_fast_forward: 'Cannot force-push to this branch',
  pull_request: 'Changes must be made through a pull request.',
  required_linear_history: 'This branch must not contain merge commits.',
};

const violations = (messages: readonly string[]): string =>
  `Repository rule violations found\n\n${messages.join('\n')}\n\n`;

/** The message if the branch does not allow merge commits; undefined if it does. */
export async function mergeViolationOf(repository: Repository, branch: string): Promise<string | undefined> {
  const rules = await rulesFor(repository, branch);
  const isLinear = rules.some(({ rule }) => rule.type === 'required_linear_history');
  return isLinear ? violations([VIOLATIONS.required_linear_history]) : undefined;
}

/** `~ALL`, `~DEFAULT_BRANCH`, or a pattern of the full ref in which `*` does not cross a slash. */
function names(pattern: string, ref: string, defaultBranch: string): boolean {
  if (pattern === '~ALL') return true;
  if (pattern === '~DEFAULT_BRANCH') return ref === `refs/heads/${defaultBranch}`;
  return posix.matchesGlob(ref, pattern);
}

/** The active rules for a branch, each with its ruleset. */
export async function rulesFor(
  repository: Repository,
  branch: string,
): Promise<{ ruleset: RulesetRecord; rule: Rule }[]> {
  const { rulesets } = repository.record;
  if (rulesets.length === 0) return [];
  const defaultBranch = await repository.defaultBranch();
  const ref = `refs/heads/${branch}`;
  const isNamed = (patterns: readonly string[]): boolean =>
    patterns.some((pattern) => names(pattern, ref, defaultBranch));
  return rulesets
    .filter(
      ({ enforcement, include, exclude }) =>
        enforcement === 'active' && isNamed(include) && !isNamed(exclude),
    )
    .flatMap((ruleset) => ruleset.rules.map((rule) => ({ ruleset, rule })));
}

/** Whether a commit in `sha` that is not in `from` is a merge. */
async function hasMerges(repository: Repository, sha: string, from: string): Promise<boolean> {
  const args = ['rev-list', '--min-parents=2', '--max-count=1', sha, `^${from}`];
  return (await repository.git(args)).stdout.length > 0;
}

export type BranchChange = {
  branch: string;
  /** Absent if the branch is created. */
  from?: string;
  /** Absent if the branch is deleted. */
  to?: string;
  forced?: boolean;
};

async function violates(
  repository: Repository,
  { type }: Rule,
  { from, to, forced = false }: BranchChange,
): Promise<boolean> {
  switch (type) {
    case 'creation':
      return !from;
    case 'deletion':
      return !to;
    case 'non_fast_forward':
      return forced;
    case 'update':
    case 'pull_request':
      return from !== undefined && to !== undefined;
    case 'required_linear_history':
      return to !== undefined && hasMerges(repository, to, from ?? 'HEAD');
  }
}

/** GitHub's message with every rule that forbids this change of a branch; undefined if none does. */
export async function violationOf(repository: Repository, change: BranchChange): Promise<string | undefined> {
  const messages: string[] = [];
  for (const { rule } of await rulesFor(repository, change.branch)) {
    if (await violates(repository, rule, change)) messages.push(VIOLATIONS[rule.type]);
  }
  return messages.length > 0 ? violations(messages) : undefined;
}
