import { z } from 'zod';
import { accountId, nodeId } from '../accounts/accounts.ts';
import { organizationJson, requireOrganization } from '../accounts/users.ts';
import type { GitHub } from '../github.ts';
import type { Repository } from '../repositories/repository.ts';
import type { Answer, Call, Route } from '../rest/call.ts';
import { notFound, unprocessable, validationFailed } from '../rest/github-error.ts';
import { parseBody } from '../rest/parse-body.ts';
import type { GitHubUrls } from '../urls.ts';
import type { TeamRecord } from './team-store.ts';

const newTeam = z.object({ name: z.string().min(1).max(100), description: z.string().nullish() });
const access = z.object({
  permission: z.enum(['pull', 'triage', 'push', 'maintain', 'admin']).default('push'),
});

/** GitHub's simple team. */
function teamJson(urls: GitHubUrls, { id, organization, name, slug }: TeamRecord): Record<string, unknown> {
  const url = `${urls.apiUrl}/organizations/${accountId(organization)}/team/${id}`;
  return {
    id,
    node_id: nodeId('Team', id),
    url,
    html_url: `${urls.url}/orgs/${organization}/teams/${slug}`,
    members_url: `${url}/members{/member}`,
    repositories_url: `${url}/repos`,
    name,
    slug,
    description: null,
    privacy: 'closed',
    notification_setting: 'notifications_enabled',
    permission: 'pull',
    type: 'organization',
    organization_id: accountId(organization),
    parent: null,
  };
}

/** The `requested_teams` of a pull request. */
export const requestedTeams = (github: GitHub, { record }: Repository, slugs: readonly string[]): object[] =>
  slugs.flatMap((slug) => {
    const team = github.teams.find(record.owner, slug);
    return team ? [teamJson(github, team)] : [];
  });

async function createTeam(call: Call): Promise<Answer> {
  const { github } = call;
  const organization = requireOrganization(call);
  const { name } = parseBody(call, 'Team', newTeam);
  const team = await github.teams.create(organization, name);
  if (!team) {
    throw validationFailed({
      resource: 'Team',
      field: 'name',
      code: 'custom',
      message: 'Name must be unique for this org',
    });
  }
  const body = {
    ...teamJson(github, team),
    members_count: 0,
    repos_count: 0,
    created_at: team.createdAt,
    updated_at: team.createdAt,
    organization: organizationJson(github, organization),
  };
  return { status: 201, body };
}

/** A review can be requested from a team with any kind of access, so the kind is not stored. */
async function addRepository(call: Call): Promise<Answer> {
  const { github, params } = call;
  const { login = '', slug = '', owner = '', repo = '' } = params;
  const team = github.teams.find(login, slug);
  const repository = github.repositories.find(owner, repo);
  if (!team || !repository) throw notFound();
  if (repository.record.owner.toLowerCase() !== login.toLowerCase()) {
    throw unprocessable('The repository is not owned by the organization');
  }
  parseBody(call, 'Team', access);
  await repository.update({ teams: [...new Set([...repository.record.teams, team.slug])] });
  return { status: 204 };
}

export const teamRoutes: readonly Route[] = [
  ['POST', '/orgs/{login}/teams', 'members=write', createTeam],
  ['PUT', '/orgs/{login}/teams/{slug}/repos/{owner}/{repo}', 'administration=write', addRepository],
];
