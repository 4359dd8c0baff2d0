import type { Settings } from './settings.ts';

/** After this time-out the work starts: its first request shows more. */
const TIMEOUT_MS = 5000;

const ADVICE: Readonly<Record<string, string>> = {
  authentication_error: 'Give CLAUDE_API_KEY a valid key.',
  permission_error: 'Give CLAUDE_API_KEY a key that may use this model.',
  not_found_error: 'Correct settings.model or CLAUDE_MODEL.',
};

/**
 * Asks the Anthropic API whether it accepts the key and the model, which costs nothing. Returns the reason of a refusal,
 * or undefined if it accepts them or the answer is unclear: a gateway may lack this route, and Bedrock does.
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
  // A proxy's answer to an unknown route can look the same, but does not name the model.
  if (!advice || (type === 'not_found_error' && !String(message).includes(model))) return undefined;
  return `The Messages API refuses the model ${model} or its key (${answer!.status} ${type}: ${message}). ${advice}`;
}

/** The Anthropic API, or the local one. */
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
    // Unreachable, timed out or not JSON: the refusal is unknown.
    return undefined;
  }
}
