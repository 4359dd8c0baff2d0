import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Octokit } from '@octokit/rest';
import type { JobWithResults } from '../../cli/connect/api-client.ts';
import { inspectWorkTree, pushHead } from '../../cli/trees/work-tree.ts';
import { type LocalGitHub, startGitHub } from '../../local/github/server.ts';
import { startScriptedModel } from '../support/scripted-model.ts';
import { cody } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { repositoryOf } from '../support/work-trees.ts';

/** The product takes this for a GitHub Enterprise host. */
let enterprise: LocalGitHub;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  folder = await temporaryFolder();
  enterprise = await startGitHub({ access: 'anyone', dataFolder: `${folder.path}/github` });
  const github = new Octokit({ baseUrl: enterprise.apiUrl });
  await repositoryOf(`${folder.path}/service`, { 'greeting.txt': 'hello\n' });
  await github.rest.repos.createInOrg({ org: 'acme', name: 'service' });
  await pushHead(await inspectWorkTree(`${folder.path}/service`), `${enterprise.url}/acme/service.git`);
});
afterAll(async () => {
  await enterprise.close();
  await folder.remove();
});

test("with GITHUB_TOKEN a job works on GitHub's repositories, and opens its pull request there", async () => {
  const claude = await startScriptedModel([
    {
      content: [
        {
          type: 'tool_use',
          name: 'edit_file',
          input: { path: 'greeting.txt', oldText: 'hello', newText: 'good morning' },
        },
      ],
    },
    {
      content: [
        {
          type: 'tool_use',
          name: 'task_complete',
          input: {
            summary: 'Greeted.',
            title: 'Greet @everyone',
            body: 'Fixes #1, says @octocat.',
            wereChangesNecessary: true,
          },
        },
      ],
    },
  ]);
  try {
    const { status, stdout, stderr } = await cody(
      [
        'run',
        '--repo',
        'acme/service',
        '--prompt',
        'Be polite.',
        '--create-pull-requests',
        '--json',
        '--yes',
        '--data',
        `${folder.path}/data`,
      ],
      {
        GITHUB_TOKEN: 'ghp_notARealToken',
        GITHUB_API_URL: enterprise.apiUrl,
        CLAUDE_API_KEY: 'sk-not-a-real-key',
        ANTHROPIC_BASE_URL: claude.url,
      },
    );
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(claude.faults).toEqual([]);
    const { results } = JSON.parse(stdout) as JobWithResults;
    expect(results).toMatchObject([
      {
        repositoryName: 'acme/service',
        outcome: 'changed',
        pullRequestUrl: `${enterprise.url}/acme/service/pull/1`,
      },
    ]);

    const { data: pull } = await new Octokit({ baseUrl: enterprise.apiUrl }).rest.pulls.get({
      owner: 'acme',
      repo: 'service',
      pull_number: 1,
    });
    expect(pull).toMatchObject({
      state: 'open',
      additions: 1,
      deletions: 1,
      changed_files: 1,
      base: { ref: 'main' },
    });
    // The model's text cannot mention users or close issues.
    expect(`${pull.title} ${pull.body}`).not.toMatch(/@everyone|@octocat|Fixes #1/);
    expect(stdout + stderr).not.toMatch(/ghp_notARealToken|sk-not-a-real-key/);
  } finally {
    await claude.close();
  }
});
