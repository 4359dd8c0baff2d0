/** The limit of browsers. */
const MAX_REDIRECTS = 20;

/** Several times the longest answer of GitHub's API, a tree of 7 MB. A few KB of gzip can decompress to gigabytes. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/**
 * fetch() for requests with a credential, or with code. It follows a redirect only within the same origin, such as that
 * of a renamed repository: fetch() removes only some headers for another host, and sends it the body. Any other redirect
 * becomes an answer of 421 (Misdirected Request).
 */
export async function fetchOnOneHost(address: string | URL, init: RequestInit = {}): Promise<Response> {
  if (init.redirect === 'manual') return fetch(address, init);
  let url = new URL(address);
  let { method = 'GET', body } = init;
  for (let redirects = 0; ; redirects++) {
    const response = await fetch(url.href, { ...init, method, body: body ?? null, redirect: 'manual' });
    const location = response.headers.get('location');
    if (![301, 302, 303, 307, 308].includes(response.status) || !location) return readWhole(response);
    await response.body?.cancel();
    const target = URL.parse(location, url.href);
    if (target?.origin !== url.origin || redirects === MAX_REDIRECTS)
      return misdirected(`${url.origin} redirects to ${target ? target.origin : 'an invalid address'}`);
    // The rule of fetch().
    if ((response.status === 303 && method !== 'HEAD') || (response.status < 303 && method === 'POST')) {
      method = 'GET';
      body = undefined;
    }
    url = target;
  }
}

/** `reason` has origins only: an address can contain a secret. */
export function misdirected(reason: string): Response {
  const message = `${reason}; requests with a credential go to one host only. Correct the address in the settings.`;
  return Response.json({ message }, { status: 421 });
}

async function readWhole(response: Response): Promise<Response> {
  if (!response.body) return response;
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body) {
    bytes += piece.length;
    // Leaving the loop cancels the rest.
    if (bytes > MAX_ANSWER_BYTES) {
      const message = `${new URL(response.url).origin} answered with more than ${MAX_ANSWER_BYTES} bytes, which its API never does.`;
      return Response.json({ message }, { status: 502 });
    }
    pieces.push(piece);
  }
  const { status, statusText, headers, url } = response;
  const whole = new Response(Buffer.concat(pieces), { status, statusText, headers });
  // A new response has no URL, and callers see by it whether a redirect was followed.
  return Object.defineProperty(whole, 'url', { value: url });
}
