import type { GitHub } from '../github.ts';
import type { PullRecord } from '../pulls/pull-requests.ts';
import type { Repository } from '../repositories/repository.ts';
import { htmlUrlOf } from '../urls.ts';
import { html, plain } from './html.ts';
import { type Page, pageOf } from './page.ts';
import { stateHtml } from './pull-page.ts';

export async function repositoryPage(github: GitHub, repository: Repository): Promise<Page> {
  const pulls = (await repository.pulls.list()).reverse();
  const branches = await repository.branches();
  const pullItem = (pull: PullRecord) =>
    html`<li>${stateHtml(pull)} <a href="${plain(`/${repository.fullName}/pull/${pull.number}`)}">#${String(pull.number)} <bdi>${pull.title}</bdi></a></li>`;
  return pageOf(
    repository.fullName,
    html`<h1>${repository.fullName}</h1>
<p><bdi>${repository.record.description ?? ''}</bdi></p>
<p><code>git clone ${htmlUrlOf(github, repository)}.git</code></p>
<h2>Pull requests</h2>
${pulls.length === 0 ? html`<p class="soft">None yet.</p>` : html`<ul class="list">${pulls.map(pullItem)}</ul>`}
<h2>Branches</h2>
${branches.length === 0 ? html`<p class="soft">None yet.</p>` : html`<ul class="list">${branches.map(({ name, sha }) => html`<li><code>${name}</code> at <code>${sha.slice(0, 12)}</code></li>`)}</ul>`}`,
  );
}
