import Anthropic, { type ClientOptions } from '@anthropic-ai/sdk';
import { SettingsError } from '../../core/errors.ts';
import type { Settings } from '../../core/settings.ts';

/** The part of a client that a worker uses, for every provider. */
export type ModelClient = { messages: Pick<Anthropic['messages'], 'create'> };

export type ProviderSettings = Pick<
  Settings,
  | 'CLAUDE_PROVIDER'
  | 'ANTHROPIC_BASE_URL'
  | 'ANTHROPIC_BEDROCK_BASE_URL'
  | 'AWS_REGION'
  | 'credentials'
  | 'secret'
>;

/** The API does not redirect. Following a redirect would send the key and the conversation to another host. */
const ON_ONE_HOST = { fetchOptions: { redirect: 'manual' } } as const;

/** Throws SettingsError if the provider's key is missing. */
export async function openModelClient(
  settings: ProviderSettings,
  options: Pick<ClientOptions, 'maxRetries' | 'timeout' | 'middleware' | 'logLevel'>,
): Promise<ModelClient> {
  if (settings.CLAUDE_PROVIDER === 'bedrock') {
    // Loaded on demand, so that workers of the Anthropic API start faster.
    const { openBedrockClient } = await import('./bedrock-client.ts');
    return openBedrockClient(settings, { ...options, ...ON_ONE_HOST });
  }
  const apiKey = await settings.secret('CLAUDE_API_KEY');
  if (!apiKey) throw new SettingsError('CLAUDE_API_KEY is not set; set it, or CLAUDE_API_KEY_SECRET_ID.');
  return new Anthropic({ ...options, ...ON_ONE_HOST, apiKey, baseURL: settings.ANTHROPIC_BASE_URL });
}
