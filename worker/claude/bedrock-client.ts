import { AnthropicBedrock } from '@anthropic-ai/bedrock-sdk';
import type { ClientOptions } from '@anthropic-ai/sdk';
import type { Settings } from '../../core/settings.ts';

/**
 * Claude on Amazon Bedrock. Requests are signed with the credentials of the worker's session (session.ts), or with those
 * that the AWS SDK finds if there is no session. API keys and bearer tokens of the environment are ignored.
 */
export function openBedrockClient(
  {
    AWS_REGION,
    ANTHROPIC_BEDROCK_BASE_URL,
    credentials,
  }: Pick<Settings, 'AWS_REGION' | 'ANTHROPIC_BEDROCK_BASE_URL' | 'credentials'>,
  options: Pick<ClientOptions, 'maxRetries' | 'timeout' | 'middleware' | 'logLevel' | 'fetchOptions'>,
): AnthropicBedrock {
  return new AnthropicBedrock({
    ...options,
    apiKey: null,
    awsRegion: AWS_REGION,
    ...(credentials && { providerChainResolver: async () => credentials }),
    ...(ANTHROPIC_BEDROCK_BASE_URL && { baseURL: ANTHROPIC_BEDROCK_BASE_URL }),
  });
}
