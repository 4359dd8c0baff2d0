import type { GitHub } from './github.ts';
import { pullDiff } from './pulls/pull-json.ts';
import type { PullRecord } from './pulls/pull-requests.ts';
import type { Repository } from './repositories/repository.ts';
import { htmlUrlOf } from './urls.ts';

/**
 * More than the default limit of a change set (1,024 KiB), and little enough for a browser to lay out at
 * once.
 */
const MAX_SHOWN_DIFF = 2 * 1024 * 1024;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

export type Page = { status: number; headers: Readonly<Record<string, string>>; body: string | Buffer };

const html = (title: string, content: string): Page => ({
  status: 200,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    // A model and repositories wrote the content, so nothing in it may run or load.
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  },
  body: `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 64rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere }
  pre { overflow-x: auto; overflow-wrap: normal; padding: 1rem; border: 1px solid #8886; border-radius: 6px }
  .text { white-space: pre-wrap }
</style>
${content}
<footer><small>The local GitHub of Cody Batch. Nothing on this page has left this machine.</small></footer>
</html>
`,
});

const stateOf = (pull: PullRecord): string =>
  pull.mergedAt ? 'merged' : pull.state === 'open' && pull.draft ? 'draft' : pull.state;

async function pullPage(github: GitHub, repository: Repository, pull: PullRecord): Promise<Page> {
  const home = htmlUrlOf(github, repository);
  const diff = await pullDiff(repository, pull);
  const shown = diff.subarray(0, MAX_SHOWN_DIFF).toString();
  const rest =
    diff.length > MAX_SHOWN_DIFF
      ? `<p>These are the first ${MAX_SHOWN_DIFF} of ${diff.length} bytes.</p>`
      : '';
  const { head, base } = pull;
  return html(
    `${pull.title} · #${pull.number} · ${repository.fullName}`,
    `<p><a href="${escapeHtml(home)}">${escapeHtml(repository.fullName)}</a></p>
<h1>${escapeHtml(pull.title)} <small>#${pull.number}</small></h1>
<p><strong>${stateOf(pull)}</strong>: <code>${escapeHtml(head.ref)}</code> into <code>${escapeHtml(base.ref)}</code></p>
${pull.labels.length > 0 ? `<p>Labels: ${escapeHtml(pull.labels.join(', '))}</p>` : ''}
<p class="text">${escapeHtml(pull.body ?? '')}</p>
<h2>Changes</h2>
<p>Fetch them: <code>git fetch ${escapeHtml(home)}.git pull/${pull.number}/head</code>,
or as <a href="${escapeHtml(home)}/pull/${pull.number}.diff">one diff</a>.</p>
<pre>${escapeHtml(shown)}</pre>
${rest}`,
  );
}

async function repositoryPage(github: GitHub, repository: Repository): Promise<Page> {
  const home = htmlUrlOf(github, repository);
  const pulls = (await repository.pulls.list()).reverse();
  const branches = await repository.branches();
  const pullItem = (pull: PullRecord): string =>
    `<li><a href="${escapeHtml(home)}/pull/${pull.number}">#${pull.number} ${escapeHtml(pull.title)}</a>: ${stateOf(pull)}</li>`;
  const branchItem = ({ name, sha }: { name: string; sha: string }): string =>
    `<li><code>${escapeHtml(name)}</code> at <code>${sha.slice(0, 12)}</code></li>`;
  return html(
    repository.fullName,
    `<h1>${escapeHtml(repository.fullName)}</h1>
<p>${escapeHtml(repository.record.description ?? '')}</p>
<p><code>git clone ${escapeHtml(home)}.git</code></p>
<h2>Pull requests</h2>
<ul>${pulls.map(pullItem).join('\n') || '<li>none yet</li>'}</ul>
<h2>Branches</h2>
<ul>${branches.map(branchItem).join('\n') || '<li>none yet</li>'}</ul>`,
  );
}

async function logOf(repository: Repository | undefined, id: number): Promise<Page | undefined> {
  const run = await repository?.checks.find((one) => one.id === id);
  return run && { status: 200, headers: PLAIN_TEXT, body: run.text ?? '' };
}

const PLAIN_TEXT = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' };

/**
 * The page of a repository or of a pull request, its diff as text, or the log of a check. Returns undefined for any other
 * path.
 */
export async function servePage(github: GitHub, path: string): Promise<Page | undefined> {
  const [, of, project, run] = /^\/([^/]+)\/([^/]+)\/logs\/(\d+)$/.exec(path) ?? [];
  if (run) return logOf(github.repositories.find(of!, project!), Number(run));
  const [, owner, name, number, diff] =
    /^\/([^/]+)\/([^/]+)(?:\/pull\/([1-9]\d{0,8})(\.diff)?)?\/?$/.exec(path) ?? [];
  const repository = owner && name ? github.repositories.find(owner, name) : undefined;
  if (!repository) return undefined;
  if (!number) return repositoryPage(github, repository);
  const pull = await repository.pulls.find(Number(number));
  if (!pull) return undefined;
  if (!diff) return pullPage(github, repository, pull);
  return { status: 200, headers: PLAIN_TEXT, body: await pullDiff(repository, pull) };
}
