import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ChangedFile, ChangeSet } from '../../../core/change-set.ts';
import type { JobSettings } from '../../../core/job.ts';
import { parseSettings } from '../../../core/settings.ts';
import { runArtifactKeys } from '../../../core/store/run-artifact-keys.ts';
import type { Context } from '../../../lambdas/context.ts';
import { openPullRequest } from '../../../lambdas/steps/open-pull-request.ts';
import { newRepository, startTestGitHub, type TestGitHub } from '../../support/github-server.ts';
import { jobRow } from '../../support/job-row.ts';
import { openTestArtifacts, openTestTables, type TestTables } from '../../support/stores.ts';

const AT = '2026-01-02T03:04:05.000Z';
const place = { owner: 'local', repo: 'judged' };

let gitHub: TestGitHub;
let tables: TestTables;
let artifacts: Awaited<ReturnType<typeof openTestArtifacts>>;
let storage: Context;
/** Of `main`, oldest first; and one that only another branch has. */
let commits: { older: string; head: string; elsewhere: string };

beforeAll(async () => {
  gitHub = await startTestGitHub();
  tables = await openTestTables();
  artifacts = await openTestArtifacts();
  const settings = {
    ...parseSettings({
      GITHUB_API_URL: gitHub.apiUrl,
      GITHUB_THROTTLE: 'false',
      PROTECTED_FILES: 'infra/prod/*.tf',
    }),
    ...{ jobsTable: tables.settings.jobsTable, repositoriesTable: tables.settings.repositoriesTable },
  };
  storage = {
    ...tables.stores,
    artifacts: artifacts.store,
    settings,
    now: () => AT,
  };
  commits = await makeRepository();
});
afterAll(async () => {
  await gitHub?.close();
  await tables?.close();
  await artifacts?.close();
});

const BASE = [
  ...['README.md', 'src/a.txt', 'src/b.txt', 'src/deep/c.txt', 'docs/guide.md', 'docs/CODEOWNERS'],
  ...[
    '.github/CODEOWNERS',
    '.github/workflows/ci.yml',
    '.github/other.yml',
    'secret/key.txt',
    'infra/prod/main.tf',
  ],
];

async function makeRepository() {
  const octokit = gitHub.client();
  const { sha } = await newRepository(octokit, place.repo);
  const commit = async (parent: string, files: object[]) => {
    const { data: tree } = await octokit.git.createTree({ ...place, base_tree: parent, tree: files as [] });
    const { data } = await octokit.git.createCommit({
      ...place,
      message: 'c',
      tree: tree.sha,
      parents: [parent],
    });
    return data.sha;
  };
  const file = (name: string, content = `${name}\n`) => ({
    path: name,
    mode: '100644',
    type: 'blob',
    content,
  });
  const submodule = { path: 'sub', mode: '160000', type: 'commit', sha: 'a'.repeat(40) };
  const older = await commit(sha, [...BASE.map((name) => file(name)), submodule]);
  const head = await commit(older, [file('src/b.txt', 'newer\n')]);
  const elsewhere = await commit(older, [
    file('.github/workflows/ci.yml', 'steal\n'),
    file('src/b.txt', 'x\n'),
  ]);
  await octokit.git.updateRef({ ...place, ref: 'heads/main', sha: head });
  await octokit.git.createRef({ ...place, ref: 'refs/heads/elsewhere', sha: elsewhere });
  return { older, head, elsewhere };
}

const base64 = (content: string) => Buffer.from(content).toString('base64');
const added = (name: string, content = 'x\n', mode: '100644' | '120000' = '100644'): ChangedFile => ({
  ...{ status: 'added', path: name, mode, content: base64(content) },
});
const deleted = (name: string): ChangedFile => ({ status: 'deleted', path: name });

/** What OpenPullRequest makes of a change set that is recorded as `files` of `baseSha`: the commit, or the error. */
async function publish(
  changeSet: Partial<ChangeSet> & { files: ChangedFile[] },
  settings: Partial<JobSettings> = {},
): Promise<{ commit?: string; error?: Error }> {
  const row = jobRow();
  const job = { ...row, settings: { ...row.settings, ...settings } };
  const [{ jobId }, repositoryName] = [job, `${place.owner}/${place.repo}`];
  await storage.jobs.create(job);
  const whole = {
    baseBranch: 'main',
    baseSha: commits.head,
    title: 't',
    body: '',
    summary: '',
    ...changeSet,
  };
  const body = JSON.stringify(whole);
  const { changeSet: key } = runArtifactKeys({ jobId, repositoryName, run: 1 });
  await storage.artifacts.write(key, body);
  await storage.repositories.createPending(jobId, [repositoryName], AT);
  await storage.repositories.endUnfinished(jobId, repositoryName, 1, {
    ...{ status: 'completed', outcome: 'changed', completedAt: AT, defaultBranch: 'main' },
    artifacts: { changeSet: key },
    changeSetSha256: createHash('sha256').update(body).digest('hex'),
  });
  try {
    await openPullRequest(
      { jobId, run: 1, repositoryName, operation: 'open', patchSha: '', request: '' },
      storage,
    );
    const { pullRequest } = await storage.repositories.get(jobId, repositoryName);
    return { commit: pullRequest!.commitSha! };
  } catch (error) {
    return { error: error as Error };
  }
}

const run = promisify(execFile);
async function git(...args: string[]): Promise<string> {
  const folder = path.join(gitHub.folder, 'data', place.owner, `${place.repo}.git`);
  return (await run('git', ['-C', folder, ...args], { encoding: 'utf8' })).stdout;
}

const REFUSED: [string, Partial<ChangeSet> & { files: ChangedFile[] }, RegExp, Partial<JobSettings>?][] = [
  ['deletes the folder of the workflows', { files: [deleted('.github')] }, /protected files \(\.github\)/],
  ['deletes a folder', { files: [deleted('src')] }, /deletes src, which is a folder/],
  [
    'replaces a folder with a file',
    { files: [added('src/deep')] },
    /folder src\/deep with a file, but does not delete src\/deep\/c\.txt/,
  ],
  [
    'deletes a file that does not exist',
    { files: [deleted('nowhere.txt')] },
    /deletes nowhere\.txt, which does not exist/,
  ],
  ['writes below a file', { files: [added('README.md/x')] }, /README\.md is a file and is not deleted/],
  ['writes into a submodule', { files: [added('sub/x')] }, /inside the submodule sub/],
  ['takes the place of a submodule', { files: [added('sub')] }, /sub, which is a submodule/],
  [
    'adds a workflow on a disk that ignores case',
    { files: [added('.GitHub/Workflows/x.yml')] },
    /protected files/,
  ],
  ['adds CODEOWNERS with a dot behind', { files: [added('docs/codeowners.')] }, /protected files/],
  [
    'replaces a folder that PROTECTED_FILES lies in',
    { files: [added('infra')] },
    /protected files \(infra\)/,
  ],
  [
    'writes what exclude names in another case',
    { files: [added('SECRET/new.txt')] },
    /settings\.exclude leave out/,
    { exclude: ['secret/**'] },
  ],
  [
    'takes the place of what exclude names',
    { files: [added('secret')] },
    /settings\.exclude leave out/,
    { exclude: ['secret/**'] },
  ],
  [
    'adds a link to a system file',
    { files: [added('x', '/etc/passwd', '120000')] },
    /leads out of the repository/,
  ],
  [
    'adds a link above the root',
    { files: [added('src/x', '../../y', '120000')] },
    /leads out of the repository/,
  ],
  [
    'adds a link through another',
    { files: [added('src/x', 'deep/../../y', '120000')] },
    /leads out of the repository/,
  ],
  [
    "adds a link to git's own folder, through which a tool would write hooks",
    { files: [added('hooks', '.git/hooks', '120000')] },
    /hooks to "\.git\/hooks", which leads into git's own folder/,
  ],
  [
    'adds a link to the folder above, where a disk that ignores case has git in another spelling',
    { files: [added('src/hooks', '../.GIT\u200c/hooks', '120000')] },
    /git's own folder/,
  ],
  [
    'adds a link, and a file below its name in another case',
    { files: [added('lnk', 'docs', '120000'), added('LNK/guide.md')] },
    /lnk as a file and as the folder of LNK\/guide\.md/,
  ],
  [
    'adds a file below its name with other accents',
    { files: [added('caf\u00e9', 'docs', '120000'), added('cafe\u0301/x')] },
    /as a file and as the folder of/,
  ],
  [
    'adds a name that moves the cursor',
    { files: [added('src/a\u001b[2J\n.txt')] },
    /a name with control characters/,
  ],
  [
    'is of a commit that no branch of the job has',
    { baseSha: 'elsewhere', files: [added('src/b.txt')] },
    /not in the history of main/,
  ],
  [
    'goes to a branch that the job does not name',
    { baseBranch: 'elsewhere', files: [added('n.txt')] },
    /has the base branch elsewhere; expected main/,
  ],
  [
    'goes to the default branch of a job that names another',
    { files: [added('n.txt')] },
    /expected elsewhere/,
    { baseBranch: 'elsewhere' },
  ],
];

test.each(
  REFUSED.map(([what, changeSet, reason, settings = {}]) => [what, changeSet, reason, settings] as const),
)(
  'a change set that %s is refused, and nothing is made of it',
  async (_, { baseSha, ...changeSet }, reason, settings) => {
    const sha = baseSha === 'elsewhere' ? commits.elsewhere : commits.head;
    const before = await git('for-each-ref');
    const { error } = await publish({ ...changeSet, baseSha: sha }, settings);
    expect(error?.message).toMatch(reason);
    expect(error?.name).toMatch(/^(?:ChangeSetRefused|PullRequestRefused)Error$/);
    expect(await git('for-each-ref')).toBe(before);
  },
);

test('a folder that becomes a file, a file that becomes a folder and a link within the tree are published', async () => {
  const files = [deleted('src/deep/c.txt'), added('src/deep'), deleted('README.md'), added('README.md/x')];
  const { commit, error } = await publish({
    files: [...files, added('src/l', '../docs/guide.md', '120000')],
  });
  expect(error).toBeUndefined();
  expect((await git('diff-tree', '-r', '--no-renames', '--name-status', `${commit}^`, commit!)).trim()).toBe(
    ['D\tREADME.md', 'A\tREADME.md/x', 'A\tsrc/deep', 'D\tsrc/deep/c.txt', 'A\tsrc/l'].join('\n'),
  );
});

/** Pseudo-random numbers of a seed, so that what fails can be run again. */
function randomOf(seed: number) {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!;
  return { next, pick };
}

const PATHS = [
  ...BASE,
  ...[
    'src',
    'src/deep',
    '.github',
    '.github/workflows',
    'docs',
    'secret',
    'infra',
    'infra/prod',
    'sub',
    'sub/x',
  ],
  ...[
    'new.txt',
    'src/new.txt',
    'src/deep/new/d.txt',
    'SRC/a.txt',
    'Secret/key.txt',
    '.GITHUB/workflows/x.yml',
  ],
  ...[
    'Docs/codeowners',
    'CODEOWNERS',
    'CODEOWNERS/x',
    'src/a.txt/below',
    'src/a\nb.txt',
    'src//x',
    '../x',
    '.git/config',
  ],
  ...[
    '.github/workflows./x.yml',
    '.github /workflows/x.yml',
    'infra/prod/MAIN.TF',
    'src/deep/../x',
    'docs/\u202etxt',
  ],
];
const CONTENTS = ['x\n', '', 'src/a.txt', '../README.md', '/etc/passwd', '../../..', 'deep/../../..', '.'];

function randomChangeSet({ next, pick }: ReturnType<typeof randomOf>) {
  const files = Array.from({ length: 1 + Math.floor(next() * 3) }, (): ChangedFile => {
    const name = pick(PATHS);
    if (next() < 0.35) return deleted(name);
    const mode = pick(['100644', '100644', '100755', '120000'] as const);
    return {
      status: pick(['added', 'modified'] as const),
      path: name,
      mode,
      content: base64(pick(CONTENTS)),
    };
  });
  const { older, head, elsewhere } = commits;
  const settings = {
    include: pick([[], [], [], ['src/**']]),
    exclude: pick([[], ['secret/**'], ['SRC/deep']]),
    allowProtected: pick([[], [], ['docs/CODEOWNERS']]),
  };
  return { changeSet: { files, baseSha: pick([head, head, older, elsewhere]) }, settings };
}

const PUBLISHED = /^:\d+ (\d+) \S+ (\S+) ([AMDT])$/;

/** What is wrong with a commit, by git's own account of it and the rules as the documents say them. */
async function faultsOf(
  commit: string,
  files: readonly ChangedFile[],
  settings: Partial<JobSettings>,
): Promise<string[]> {
  const faults: string[] = [];
  await git('merge-base', '--is-ancestor', `${commit}^`, 'main').catch(() => faults.push('not on main'));
  const raw = (await git('diff-tree', '-r', '-z', '--no-renames', '--no-abbrev', `${commit}^`, commit)).split(
    '\0',
  );
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [, mode, blob, status] = PUBLISHED.exec(raw[i]!)!;
    const name = raw[i + 1]!;
    const lower = name.toLowerCase();
    const named = files.find((file) => file.path === name);
    if (!named || (named.status === 'deleted') !== (status === 'D'))
      faults.push(`${status} ${name} is not named`);
    const guarded =
      /^\.github ?\/workflows\.?\/|^(?:docs\/|\.github\/)?codeowners(?:\/|$)|^infra\/prod\/[^/]*\.tf$/;
    if (guarded.test(lower) && !settings.allowProtected!.includes(name)) faults.push(`${name} is protected`);
    if (settings.include!.length > 0 && !name.startsWith('src/')) faults.push(`${name} is not included`);
    for (const glob of settings.exclude!)
      if (`${lower}/`.startsWith(`${glob.replace('/**', '').toLowerCase()}/`))
        faults.push(`${name} is excluded`);
    if (mode === '160000') faults.push(`${name} is a submodule`);
    if (/[\n\u202e]/.test(name)) faults.push(`${JSON.stringify(name)} cannot be shown`);
    if (mode !== '120000') continue;
    const target = path.posix.join(path.posix.dirname(name), await git('cat-file', 'blob', blob!));
    if (target.startsWith('..') || (await git('cat-file', 'blob', blob!)).startsWith('/'))
      faults.push(`${name} leads out`);
  }
  return faults;
}

test('for any change set, the published tree differs from the base only where the rules allow', async () => {
  const seed = Number(process.env.SEED ?? 20_261_127);
  const random = randomOf(seed);
  const seen = { published: 0, refused: 0 };
  for (let round = 0; round < 120; round++) {
    const { changeSet, settings } = randomChangeSet(random);
    const { commit, error } = await publish(changeSet, settings);
    if (commit) {
      seen.published++;
      const faults = await faultsOf(commit, changeSet.files, settings);
      expect({ seed, round, changeSet, settings, faults }).toMatchObject({ faults: [] });
    } else {
      seen.refused++;
      expect({ seed, round, changeSet, error: error!.name, message: error!.message }).toMatchObject({
        error: expect.stringMatching(/^(?:ChangeSetRefused|PullRequestRefused)Error$/),
        message: expect.not.stringMatching(/GitHub:/),
      });
    }
  }
  // Or nothing was shown.
  expect(seen.published).toBeGreaterThan(10);
  expect(seen.refused).toBeGreaterThan(60);
});
