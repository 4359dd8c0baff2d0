import { createHmac, timingSafeEqual } from 'node:crypto';

/** The path of signed URLs on one machine, where the API's server sends the artifacts. */
export const DOWNLOADS = '/artifacts/';

/** `expires` is in epoch seconds. */
export type SignedDownload = { key: string; expires: number; fileName: string };

export function signPath(download: SignedDownload, signingKey: string): string {
  const { key, expires, fileName } = download;
  const query = new URLSearchParams({
    expires: String(expires),
    fileName,
    signature: signatureOf(download, signingKey),
  });
  return `${DOWNLOADS}${key.split('/').map(encodeURIComponent).join('/')}?${query}`;
}

/** Returns undefined if the signature is wrong, or the URL has expired. `nowMs` is in epoch milliseconds. */
export function verifyPath(
  { pathname, searchParams }: Pick<URL, 'pathname' | 'searchParams'>,
  signingKey: string,
  nowMs: number,
): SignedDownload | undefined {
  const download = {
    key: decodeURIComponent(pathname.slice(DOWNLOADS.length)),
    expires: Number(searchParams.get('expires')),
    fileName: searchParams.get('fileName') ?? '',
  };
  const given = Buffer.from(searchParams.get('signature') ?? '');
  const expected = Buffer.from(signatureOf(download, signingKey));
  const isSigned = given.length === expected.length && timingSafeEqual(given, expected);
  return isSigned && download.expires * 1000 > nowMs ? download : undefined;
}

function signatureOf({ key, expires, fileName }: SignedDownload, signingKey: string): string {
  return createHmac('sha256', signingKey)
    .update(JSON.stringify(['download', key, expires, fileName]))
    .digest('base64url');
}
