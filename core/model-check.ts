import type { Settings } from './settings.ts';

/** A service that does not answer by then is not waited for: the first request of the work says more. */
const TIMEOUT_MS = 5000;

const ADVICE: Readonly<Record<string, string>> = {
  authentication_error: 'Give CLAUDE_API_KEY a valid key.',
  permission_error: 'Give CLAUDE_API_KEY a key that may use this model.',
  not_found_error: 'Correct settings.model or CLAUDE_MODEL.',
};

/**
 * Asks the Anthropic API whether it knows the key and the model, which costs nothing. Returns why it refuses them;
 * undefined where it does not, and where the answer leaves it open: a gateway need not have this route, and Bedrock has
 * none.
 */
export async function refusalOfModel(
  settings: Pick<Settings, 'CLAUDE_PROVIDER' | 'ANTHROPIC_BASE_URL' | 'secret'>,
  model: string,
): Promise<string | undefined> {
  const { CLAUDE_PROVIDER, ANTHROPIC_BASE_URL = 'https://api.anthropic.com' } = settings;
  const key = await settings.secret('CLAUDE_API_KEY');
  if (CLAUDE_PROVIDER !== 'anthropic' || !isAnthropicApi(ANTHROPIC_BASE_URL) || !key) return undefined;
  const answer = await ask(
    `${ANTHROPIC_BASE_URL.replace(/\/+$/, '')}/v1/models/${encodeURIComponent(model)}`,
    key,
  );
  const { type, message } = answer?.error ?? {};
  const advice = typeof type === 'string' && Object.hasOwn(ADVICE, type) ? ADVICE[type] : undefined;
  // What a proxy says of an unknown route can look the same, but does not name the model.
  if (!advice || (type === 'not_found_error' && !String(message).includes(model))) return undefined;
  return `The Messages API refuses the model ${model} or its key (${answer!.status} ${type}: ${message}). ${advice}`;
}

/** Its own, and what stands in for it on this machine. */
function isAnthropicApi(baseUrl: string): boolean {
  const { hostname } = new URL(baseUrl);
  return (
    hostname === 'anthropic.com' ||
    hostname.endsWith('.anthropic.com') ||
    hostname === '127.0.0.1' ||
    hostname === 'localhost'
  );
}

async function ask(
  url: string,
  key: string,
): Promise<{ status: number; error?: { type?: unknown; message?: unknown } } | undefined> {
  try {
    const response = await fetch(url, {
      headers: { 'x-api-key': key, 'anthropic-version': '2023-06-01' },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const body = (await response.json()) as { error?: { type?: unknown; message?: unknown } } | null;
    return { status: response.status, ...(body?.error && { error: body.error }) };
  } catch {
    // Unreachable, silent or not JSON: nothing is known.
    return undefined;
  }
}
