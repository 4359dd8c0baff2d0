import { createHash } from 'node:crypto';
import { Html, html, plain } from './html.ts';
import { STYLE } from './style.ts';

/** The answer to a browser. */
export type Page = { status: number; headers: Readonly<Record<string, string>>; body: string | Buffer };

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

const HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  // A model and repositories wrote the content, so nothing in it may run or load.
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${STYLE_HASH}'`,
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  // With `no-referrer` a form would send `Origin: null`, and its origin could not be checked.
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-cache',
};

export function pageOf(title: string, content: Html, status = 200): Page {
  const document = html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${plain(title)}</title>
<style>${new Html(STYLE)}</style>
<main>
${content}
</main>
<footer><small>The local GitHub of Cody Batch. Nothing on this page has left this machine.</small></footer>
</html>
`;
  return { status, headers: HEADERS, body: document.markup };
}

export function textPage(body: Buffer | string): Page {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' };
  return { status: 200, headers, body };
}

export function redirectTo(location: string): Page {
  return { status: 303, headers: { location, 'cache-control': 'no-store' }, body: '' };
}

/** What was refused, and where to go from here. */
export function refusalPage(status: number, title: string, reason: string, back: string): Page {
  return pageOf(
    title,
    html`<h1>${title}</h1>
<p class="refusal">${reason}</p>
<p><a href="${plain(back)}">Back to the pull request</a></p>`,
    status,
  );
}
