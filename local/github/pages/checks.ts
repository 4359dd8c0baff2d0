import type { Checks } from '../repositories/check-store.ts';
import { latest } from '../repositories/rollup.ts';
import { type Html, html, plain } from './html.ts';

type Check = { name: string; state: string; text: string | null; log?: string };

const GOOD = ['success', 'neutral', 'skipped'];
const BUSY = ['pending', 'queued', 'in_progress', 'waiting', 'requested'];

/** The newest status and check run of each name. */
export function checksHtml({ statuses, checkRuns }: Checks, repository: string): Html {
  const checks: Check[] = [
    ...latest(statuses, ({ context }) => context).map(({ context, state, description }) => ({
      name: context,
      state,
      text: description,
    })),
    ...latest(checkRuns, ({ name }) => name).map(({ id, name, status, conclusion, title, text }) => ({
      name,
      state: conclusion ?? status,
      text: title,
      ...(text && { log: `/${repository}/logs/${id}` }),
    })),
  ];
  if (checks.length === 0) return html`<p class="soft">No checks have reported on this commit.</p>`;
  return html`<ul class="list">${checks.map(checkHtml)}</ul>`;
}

function checkHtml({ name, state, text, log }: Check): Html {
  const [tone, sign] = GOOD.includes(state)
    ? ['good', '✓']
    : BUSY.includes(state)
      ? ['warn', '◐']
      : ['bad', '✕'];
  return html`<li><span class="state ${tone}">${sign} ${state.replaceAll('_', ' ')}</span> <bdi>${name}</bdi> <span class="soft">${text ?? ''}</span>${log ? html` <a href="${plain(log)}">log</a>` : undefined}</li>`;
}
