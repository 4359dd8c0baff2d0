import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type http from 'node:http';
import path from 'node:path';
import { requireArtifactKey } from '../core/store/artifact-keys.ts';
import { DOWNLOADS, type SignedDownload, verifyPath } from '../core/store/signed-path.ts';
import { PROBLEM_TYPE, problemDocument } from './access/loopback.ts';

/** Sends an artifact to who has a signed URL of it, as S3 does. Returns false if the path is another one. */
export function sendDownload(
  { folder, signingKey }: { folder: string; signingKey: string },
  request: http.IncomingMessage,
  response: http.ServerResponse,
): boolean {
  if (!request.url?.startsWith(DOWNLOADS) || (request.method !== 'GET' && request.method !== 'HEAD'))
    return false;
  const download = verified(request.url, signingKey);
  if (!download) {
    const detail = 'The URL is not signed, or has expired. Ask the API for a new one.';
    response
      .writeHead(403, { 'content-type': PROBLEM_TYPE })
      .end(problemDocument('not-allowed', 'Not allowed', 403, detail));
    return true;
  }
  send(folder, download, request, response).catch(() => response.destroy());
  return true;
}

function verified(url: string, signingKey: string): SignedDownload | undefined {
  try {
    return verifyPath(new URL(url, 'http://127.0.0.1'), signingKey, Date.now());
  } catch {
    // The path cannot be decoded.
    return undefined;
  }
}

/** As the artifacts are written in S3, which sends the type of the object. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.patch': 'text/x-diff',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
  '.zip': 'application/zip',
};

async function send(
  folder: string,
  { key, fileName }: SignedDownload,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const file = path.join(folder, requireArtifactKey(key));
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) {
    const detail = `The artifact ${key} is no longer there. Ask the API for a new URL.`;
    response
      .writeHead(404, { 'content-type': PROBLEM_TYPE })
      .end(problemDocument('not-found', 'Not found', 404, detail));
    return;
  }
  response.writeHead(200, {
    'content-type': CONTENT_TYPES[path.extname(key)] ?? 'application/octet-stream',
    'content-length': found.size,
    'content-disposition': `attachment; filename="${fileName}"`,
    'x-content-type-options': 'nosniff',
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  createReadStream(file)
    .on('error', () => response.destroy())
    .pipe(response);
}
