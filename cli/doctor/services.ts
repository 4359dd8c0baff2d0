import { existsSync } from 'node:fs';
import { refusalOfModel } from '../../core/model-check.ts';
import type { Variables } from '../../core/secrets.ts';
import { parseSettings } from '../../core/settings.ts';
import { SETTINGS_FILE, userPath } from '../connect/folders.ts';
import { hasClaudeKey, userVariables } from '../connect/user-settings.ts';
import { type Check, check } from './check.ts';

/** The settings, and the keys of Claude and GitHub, which are asked about only with `isProbing`. */
export async function checkServices(file: string | undefined, isProbing: boolean): Promise<Check[]> {
  let given: Variables = {};
  const settings = await check('settings', async () => {
    given = userVariables(file);
    const used = file === undefined ? SETTINGS_FILE : userPath(file);
    const from = existsSync(used) ? `the environment and ${used}` : `the environment; there is no ${used}`;
    return `${Object.keys(given).join(', ') || 'none'}, from ${from}`;
  });
  if (settings.state === 'bad') return [settings];
  return [settings, await checkClaude(given, isProbing), await checkGitHub(given, isProbing)];
}

function checkClaude(given: Variables, isProbing: boolean): Promise<Check> {
  return check('Claude', async () => {
    if (!hasClaudeKey(given)) {
      return { state: 'note', detail: 'no key: the offline model works. Set ANTHROPIC_API_KEY for Claude' };
    }
    const settings = parseSettings(given);
    const { CLAUDE_MODEL, ANTHROPIC_BASE_URL = 'https://api.anthropic.com' } = settings;
    const refusal = isProbing ? await refusalOfModel(settings, CLAUDE_MODEL) : undefined;
    if (refusal) return { state: 'bad', detail: refusal };
    return `${CLAUDE_MODEL} at ${ANTHROPIC_BASE_URL}; the key is ${isProbing ? 'not refused' : 'not tried (--probe)'}`;
  });
}

const TIMEOUT_MS = 5000;

function checkGitHub(given: Variables, isProbing: boolean): Promise<Check> {
  return check('GitHub', async () => {
    const { GITHUB_TOKEN: token } = given;
    if (!token) return { state: 'note', detail: 'no GITHUB_TOKEN: jobs work on work trees' };
    const { GITHUB_API_URL } = parseSettings(given);
    if (!isProbing) return `${GITHUB_API_URL}; the token is not tried (--probe)`;
    const response = await fetch(`${GITHUB_API_URL}/rate_limit`, {
      headers: { authorization: `Bearer ${token}`, accept: 'application/vnd.github+json' },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) {
      return {
        state: 'bad',
        detail: `${GITHUB_API_URL} answered ${response.status}. Give GITHUB_TOKEN a valid token.`,
      };
    }
    const { rate } = (await response.json()) as { rate: { remaining: number; limit: number; reset: number } };
    const scopes = response.headers.get('x-oauth-scopes');
    const reset = new Date(rate.reset * 1000).toLocaleTimeString('en-GB');
    return `${scopes ? `scopes ${scopes}` : 'a token with permissions of its own'}; ${rate.remaining} of ${rate.limit} calls left until ${reset}`;
  });
}
