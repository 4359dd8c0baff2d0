/** As many as a browser follows. */
const MAX_REDIRECTS = 20;

/** Several times the longest answer of GitHub's API, a tree of 7 MB; a few KB of gzip become gigabytes. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/**
 * fetch() for requests with a credential, or with code. A redirect is followed on the same origin alone, as a renamed
 * repository's is; fetch() itself takes only some headers out for another host, and sends the body there. In place of any
 * other redirect there is an answer of 421 (Misdirected Request) that says so.
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
      return misdirected(`${url.origin} redirects to ${target ? target.origin : 'an address that is none'}`);
    // As fetch() does it.
    if ((response.status === 303 && method !== 'HEAD') || (response.status < 303 && method === 'POST')) {
      method = 'GET';
      body = undefined;
    }
    url = target;
  }
}

/** `what` names origins alone: an address can hold a secret. */
export function misdirected(what: string): Response {
  const message = `${what}; what is sent there with a credential goes to one host only. Correct the address in the settings.`;
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
      const message = `${new URL(response.url).origin} answered with more than ${MAX_ANSWER_BYTES} bytes, which is no answer of its API.`;
      return Response.json({ message }, { status: 502 });
    }
    pieces.push(piece);
  }
  const { status, statusText, headers, url } = response;
  const whole = new Response(Buffer.concat(pieces), { status, statusText, headers });
  // A new response has none, and who asks tells by it whether a redirect was followed.
  return Object.defineProperty(whole, 'url', { value: url });
}
