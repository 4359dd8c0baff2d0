import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import type { Account, Check } from './checks.ts';

/** The outputs of a stack, by name. */
export async function outputsOf(stack: string, account: Account): Promise<Record<string, string>> {
  const { Stacks } = await new CloudFormationClient(account).send(
    new DescribeStacksCommand({ StackName: stack }),
  );
  return Object.fromEntries(
    (Stacks?.[0]?.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey!, OutputValue!]),
  );
}

const ANSWER_MS = 30_000;

/** Whether the API and the page of a deployed stack answer. Neither needs a token. */
export function checkDeployed({ ApiUrl, PageUrl }: Record<string, string>): Promise<Check[]> {
  return Promise.all([
    ...(ApiUrl ? [checkAddress('Health', `${ApiUrl.replace(/\/$/, '')}/health`)] : []),
    ...(PageUrl ? [checkAddress('Page', PageUrl)] : []),
  ]);
}

async function checkAddress(name: string, url: string): Promise<Check> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
    if (response.ok) return { name, ok: true, found: `${url} answers ${response.status}` };
    const body = (await response.text()).slice(0, 200);
    return { name, ok: false, found: `${url} answers ${response.status}: ${body}. Look into its log` };
  } catch (error) {
    const { cause, message } = error as Error;
    const why = cause instanceof Error ? cause.message : message;
    return { name, ok: false, found: `${url} does not answer: ${why}. Try it again in a minute` };
  }
}
