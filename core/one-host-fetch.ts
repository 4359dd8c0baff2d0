/** As many as a browser follows. */
const MAX_REDIRECTS = 20;

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
    if (![301, 302, 303, 307, 308].includes(response.status) || !location) return response;
    await response.body?.cancel();
    const target = URL.parse(location, url.href);
    if (target?.origin !== url.origin || redirects === MAX_REDIRECTS) {
      // The origin alone: an address can hold a secret.
      const message = `${url.origin} redirects to ${target ? target.origin : 'an address that is none'}; what is sent there with a credential goes to one host only. Correct the address in the settings.`;
      return Response.json({ message }, { status: 421 });
    }
    // As fetch() does it.
    if ((response.status === 303 && method !== 'HEAD') || (response.status < 303 && method === 'POST')) {
      method = 'GET';
      body = undefined;
    }
    url = target;
  }
}
