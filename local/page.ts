import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { PAGE_ASSETS, PAGE_FILES, pagePolicy } from '../core/page.ts';

/** The built page of a checkout, or of the installed package. */
export const PAGE_FOLDER = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../web/dist' : './page', import.meta.url),
);

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
};

/** Addresses within the page. The others are the API's. */
const IS_PAGE = /^\/(?:$|new$|pulls$|j$|j\/)/;

type File = { type: string; bytes: Buffer; zipped: Buffer };

/** Whether the page is built. */
export function hasPage(folder = PAGE_FOLDER): boolean {
  return existsSync(path.join(folder, 'index.html'));
}

/**
 * Serves the built page beside the API. The files are read once, so that no path of a request ever meets the file system.
 * Returns a function that answers a request if it is one of the page's, and returns false otherwise. `connect` has the
 * origins that the page connects to besides its own.
 */
export function openPage(
  folder: string,
  config: Readonly<Record<string, string>>,
  connect: readonly string[] = [],
): (request: http.IncomingMessage, response: http.ServerResponse) => boolean {
  const files = new Map(PAGE_FILES.map((name) => [name as string, path.join(folder, name)]));
  for (const name of readdirSync(path.join(folder, PAGE_ASSETS))) {
    files.set(PAGE_ASSETS + name, path.join(folder, PAGE_ASSETS, name));
  }
  files.delete('/config.json');
  const held = new Map([...files].map(([name, place]) => [name, fileOf(place, readFileSync(place))]));
  held.set('/config.json', fileOf('config.json', Buffer.from(JSON.stringify(config))));
  const policy = pagePolicy(connect);
  const document = fileOf('index.html', readFileSync(path.join(folder, 'index.html')));
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false;
    const target = (request.url ?? '/').replace(/[?#].*$/s, '');
    const file = held.get(target) ?? (IS_PAGE.test(target) ? document : undefined);
    if (!file) return false;
    const isZipped = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
    const bytes = isZipped ? file.zipped : file.bytes;
    response
      .writeHead(200, {
        ...HEADERS,
        'content-security-policy': policy,
        'content-type': file.type,
        'content-length': bytes.length,
        'cache-control': target.startsWith(PAGE_ASSETS) ? 'public, max-age=31536000, immutable' : 'no-cache',
        ...(isZipped && { 'content-encoding': 'gzip' }),
      })
      .end(request.method === 'HEAD' ? undefined : bytes);
    return true;
  };
}

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  vary: 'accept-encoding',
};

function fileOf(name: string, bytes: Buffer): File {
  return { type: TYPES[path.extname(name)] ?? 'application/octet-stream', bytes, zipped: gzipSync(bytes) };
}
