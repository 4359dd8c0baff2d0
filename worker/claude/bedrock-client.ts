import { AnthropicBedrock } from '@anthropic-ai/bedrock-sdk';
import type { ClientOptions } from '@anthropic-ai/sdk';
import type { ModelClient, ProviderSettings } from './model-client.ts';

/**
 * Claude through Amazon Bedrock: each request is signed with the worker's credentials, which are those that the AWS SDK
 * finds where it has no session (session.ts). No key of the Anthropic API, and no bearer token of the environment, is used.
 */
export function openBedrockClient(
  { AWS_REGION, ANTHROPIC_BEDROCK_BASE_URL, credentials }: ProviderSettings,
  options: Pick<ClientOptions, 'maxRetries' | 'timeout' | 'middleware' | 'logLevel' | 'fetchOptions'>,
): ModelClient {
  return new AnthropicBedrock({
    ...options,
    apiKey: null,
    awsRegion: AWS_REGION,
    ...(credentials && { providerChainResolver: async () => credentials }),
    ...(ANTHROPIC_BEDROCK_BASE_URL && { baseURL: ANTHROPIC_BEDROCK_BASE_URL }),
  });
}
