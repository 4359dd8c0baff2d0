import type { GitHub } from '../github.ts';
import { countCommits, mergedTree } from '../objects/history.ts';
import { pullFiles } from '../pulls/pull-json.ts';
import type { PullRecord } from '../pulls/pull-requests.ts';
import type { Repository } from '../repositories/repository.ts';
import { htmlUrlOf } from '../urls.ts';
import { checksHtml } from './checks.ts';
import { filesHtml } from './diff.ts';
import { type Html, html, plain, time } from './html.ts';
import { type Page, pageOf } from './page.ts';

/** A longer text is cut, and its length shown. */
const MAX_TEXT = 20_000;

const SIGNS: Readonly<Record<string, readonly [string, string]>> = {
  merged: ['good', '✓'],
  open: ['good', '●'],
  draft: ['warn', '○'],
  closed: ['bad', '⊘'],
};

export const stateOf = (pull: PullRecord): string =>
  pull.mergedAt ? 'merged' : pull.state === 'open' && pull.draft ? 'draft' : pull.state;

export function stateHtml(pull: PullRecord): Html {
  const [tone, sign] = SIGNS[stateOf(pull)]!;
  return html`<span class="state ${tone!}">${sign} ${stateOf(pull)}</span>`;
}

export async function pullPage(github: GitHub, repository: Repository, pull: PullRecord): Promise<Page> {
  const home = htmlUrlOf(github, repository);
  const path = `/${repository.fullName}/pull/${pull.number}`;
  const { head, base, labels } = pull;
  const [files, commits, checks] = await Promise.all([
    pullFiles(repository, pull),
    countCommits(repository, base.sha, head.sha),
    repository.checks.read(head.sha),
  ]);
  const sum = (field: 'additions' | 'deletions') => files.reduce((total, file) => total + file[field], 0);
  const diffUrl = `${path}.diff`;
  const said = [...pull.comments.map(commentHtml), ...pull.reviews.map(reviewHtml)];
  return pageOf(
    `${pull.title} · #${pull.number} · ${repository.fullName}`,
    html`<p><a href="/${plain(repository.fullName)}">${repository.fullName}</a></p>
<h1><bdi>${pull.title}</bdi> <small>#${String(pull.number)}</small></h1>
<p>${stateHtml(pull)} <bdi>${pull.author}</bdi> wants to put ${commits === 1 ? 'one commit' : html`${commits} commits`} of <code>${head.ref}</code> into <code>${base.ref}</code>, ${time(pull.createdAt)}</p>
${labels.length > 0 ? html`<p>Labels: ${labels.map((label) => html`<span class="state">${label}</span> `)}</p>` : undefined}
<div class="text" role="region" tabindex="0" aria-label="Description">${pull.body ? textHtml(pull.body) : html`<span class="soft">No description.</span>`}</div>
${await actionsHtml(repository, pull, path)}
<h2>Checks</h2>
${checksHtml(checks, repository.fullName)}
<h2>Comments and reviews</h2>
${said.length === 0 ? html`<p class="soft">None.</p>` : said}
<h2>${files.length === 1 ? 'One file' : html`${files.length} files`} changed <span class="plus">+${sum('additions')}</span> <span class="minus">−${sum('deletions')}</span></h2>
<p>Fetch it: <code>git fetch ${home}.git pull/${String(pull.number)}/head</code>, or as <a href="${plain(diffUrl)}">one diff</a>.</p>
${filesHtml(files, diffUrl)}`,
  );
}

/**
 * The buttons. Their addresses have the head that is shown, so that what one merges is what one has seen. A form without
 * fields has an empty body, which the guard of loopback lets pass.
 */
async function actionsHtml(repository: Repository, pull: PullRecord, path: string): Promise<Html> {
  if (pull.state === 'closed') return closedHtml(pull);
  const fits = (await mergedTree(repository, pull.base.sha, pull.head.sha)) !== undefined;
  const canMerge = fits && !pull.draft && !repository.record.archived;
  const button = (action: 'merge' | 'close', label: string) =>
    html`<form method="post" action="${plain(`${path}/${action}/${pull.head.sha}`)}"><button class="${action}">${label}</button></form>`;
  return html`<section class="actions" aria-label="Actions">
<p>${mergeText(repository, pull, fits)}</p>
${canMerge ? button('merge', 'Merge pull request') : undefined}
${repository.record.archived ? undefined : button('close', 'Close pull request')}
</section>`;
}

function mergeText({ record }: Repository, pull: PullRecord, fits: boolean): string {
  if (record.archived) return 'The repository is archived, so nothing can be changed.';
  if (pull.draft) return 'This is a draft. It can be merged once it is ready for review.';
  return fits
    ? `No conflicts with ${pull.base.ref}.`
    : `This branch conflicts with ${pull.base.ref}. Merge ${pull.base.ref} into it, and resolve the conflicts.`;
}

function closedHtml({ mergedAt, mergedBy, closedAt, mergeCommitSha }: PullRecord): Html {
  const text = mergedAt
    ? html`Merged ${mergedBy ? html`by <bdi>${mergedBy}</bdi>` : undefined} as <code>${(mergeCommitSha ?? '').slice(0, 12)}</code>, ${time(mergedAt)}.`
    : html`Closed, ${time(closedAt)}. Nothing was merged.`;
  return html`<section class="actions" aria-label="Actions"><p>${text}</p></section>`;
}

function commentHtml({ author, body, createdAt }: PullRecord['comments'][number]): Html {
  return html`<article><p><strong><bdi>${author}</bdi></strong> <span class="soft">${time(createdAt)}</span></p><div class="text" role="region" tabindex="0" aria-label="Comment">${textHtml(body)}</div></article>`;
}

const REVIEW_WORDS = { APPROVED: 'approved', CHANGES_REQUESTED: 'asked for changes', COMMENTED: 'commented' };

function reviewHtml({ author, body, state, submittedAt, comments }: PullRecord['reviews'][number]): Html {
  const lines = comments.map(
    ({ path, line, body }) =>
      html`<p><code>${path}${line === null ? '' : `:${line}`}</code></p><div class="text" role="region" tabindex="0" aria-label="Comment on a line">${textHtml(body)}</div>`,
  );
  return html`<article><p><strong><bdi>${author}</bdi></strong> ${REVIEW_WORDS[state]} <span class="soft">${time(submittedAt)}</span></p>${body ? html`<div class="text" role="region" tabindex="0" aria-label="Review">${textHtml(body)}</div>` : undefined}${lines}</article>`;
}

/** Markdown is shown as it was written: rendering it would make links of what a model wrote. */
function textHtml(text: string): Html {
  const lines = text.replaceAll('\r\n', '\n');
  return lines.length <= MAX_TEXT
    ? html`<bdi>${lines}</bdi>`
    : html`<bdi>${lines.slice(0, MAX_TEXT)}</bdi><span class="warn"> … ${lines.length} characters</span>`;
}
