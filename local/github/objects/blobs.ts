import { z } from 'zod';
import { nodeId } from '../accounts/accounts.ts';
import { isObjectId } from '../names.ts';
import type { Repository } from '../repositories/repository.ts';
import type { Answer, RepositoryCall, RepositoryRoute } from '../rest/call.ts';
import { notFound, validationFailed } from '../rest/github-error.ts';
import { parseBody } from '../rest/parse-body.ts';
import { readObject, writeObject } from './objects.ts';

const newBlob = z.object({ content: z.string(), encoding: z.enum(['utf-8', 'base64']).default('utf-8') });

/** Stores the exact bytes; the repository's attributes do not apply. */
export const writeBlob = (repository: Repository, content: Buffer): Promise<string> =>
  writeObject(repository, { type: 'blob', content });

/** github.com wraps base64 after 60 characters, so clients must accept line feeds. */
export const base64Lines = (content: Buffer): string => content.toString('base64').replace(/.{60}/g, '$&\n');

/** Whether the caller asks for the bytes instead of JSON, as Octokit's `mediaType: {format: 'raw'}` does. */
export const wantsRaw = (accept: string): boolean =>
  /^application\/vnd\.github(\.v3)?\.raw(\+json)?$/.test(accept);

async function createBlob(call: RepositoryCall): Promise<Answer> {
  const { content, encoding } = parseBody(call, 'Blob', newBlob);
  if (encoding === 'base64' && !/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(content)) {
    throw validationFailed({
      resource: 'Blob',
      field: 'content',
      code: 'invalid',
      message: 'content is not Base64',
    });
  }
  const sha = await writeBlob(call.repository, Buffer.from(content, encoding));
  const url = `${call.url}/git/blobs/${sha}`;
  return { status: 201, headers: { location: url }, body: { sha, url } };
}

async function getBlob({ repository, params, url, accept }: RepositoryCall): Promise<Answer> {
  const sha = params.sha ?? '';
  const blob = isObjectId(sha) ? await readObject(repository, sha) : undefined;
  if (blob?.type !== 'blob') throw notFound();
  const { content } = blob;
  if (wantsRaw(accept)) return { status: 200, body: content };
  const body = {
    sha,
    node_id: nodeId('Blob', sha),
    size: content.length,
    url: `${url}/git/blobs/${sha}`,
    content: base64Lines(content),
    encoding: 'base64',
  };
  return { status: 200, body };
}

export const blobRoutes: readonly RepositoryRoute[] = [
  ['POST', '/git/blobs', 'contents=write', createBlob],
  ['GET', '/git/blobs/{sha}', 'contents=read', getBlob],
];
