import { z } from 'zod';
import { nodeId } from '../accounts/accounts.ts';
import { isBranchName } from '../names.ts';
import { type RulesetRecord, rulesetRecord } from '../repositories/repository-record.ts';
import type { Answer, RepositoryCall, RepositoryRoute } from '../rest/call.ts';
import { paginated } from '../rest/paginated.ts';
import { parseBody } from '../rest/parse-body.ts';
import { rulesFor } from './rules.ts';

const patterns = z.array(z.string().min(1).max(200));
const newRuleset = z.object({
  name: z.string().min(1),
  target: z.literal('branch').default('branch'),
  enforcement: z.enum(['disabled', 'active', 'evaluate']),
  conditions: z
    .object({ ref_name: z.object({ include: patterns, exclude: patterns.default([]) }) })
    .optional(),
  // A rule of a type that is not enforced here is refused, not ignored.
  rules: rulesetRecord.shape.rules.default([]),
});

const rulesetJson = (ruleset: RulesetRecord, { repository, url, htmlUrl }: RepositoryCall): object => ({
  id: ruleset.id,
  node_id: nodeId('Ruleset', ruleset.id),
  name: ruleset.name,
  target: 'branch',
  source_type: 'Repository',
  source: repository.fullName,
  enforcement: ruleset.enforcement,
  bypass_actors: [],
  current_user_can_bypass: 'never',
  conditions: { ref_name: { include: ruleset.include, exclude: ruleset.exclude } },
  rules: ruleset.rules,
  _links: {
    self: { href: `${url}/rulesets/${ruleset.id}` },
    html: { href: `${htmlUrl}/rules/${ruleset.id}` },
  },
  created_at: ruleset.createdAt,
  updated_at: ruleset.createdAt,
});

async function createRuleset(call: RepositoryCall): Promise<Answer> {
  const { repository } = call;
  const { name, enforcement, conditions, rules } = parseBody(call, 'Ruleset', newRuleset);
  const { id, rulesets } = repository.record;
  const { include, exclude } = conditions?.ref_name ?? { include: [], exclude: [] };
  const ruleset: RulesetRecord = {
    id: Math.max(id * 1000, ...rulesets.map((other) => other.id)) + 1,
    name,
    enforcement,
    include,
    exclude,
    rules,
    createdAt: new Date().toISOString(),
  };
  await repository.update({ rulesets: [...rulesets, ruleset] });
  return { status: 201, body: rulesetJson(ruleset, call) };
}

async function listBranchRules(call: RepositoryCall): Promise<Answer> {
  const { repository, params } = call;
  const branch = params.branch ?? '';
  // Rules also apply to branches that do not exist yet.
  const rules = isBranchName(branch) ? await rulesFor(repository, branch) : [];
  return paginated(call, rules, ({ ruleset, rule }) => ({
    ...rule,
    ruleset_source_type: 'Repository',
    ruleset_source: repository.fullName,
    ruleset_id: ruleset.id,
  }));
}

export const rulesetRoutes: readonly RepositoryRoute[] = [
  ['POST', '/rulesets', 'administration=write', createRuleset],
  ['GET', '/rules/branches/{branch*}', 'metadata=read', listBranchRules],
];
