import { UsageError } from '../../core/errors.ts';
import { storedTokens } from './contexts.ts';
import type { Issuer } from './sign-in.ts';

/** The issuer and the client of a deployment: as given, as at the last sign-in, or as its page has them. */
export async function issuerOf(api: string, given: Partial<Issuer>): Promise<Issuer> {
  const known = given.issuer && given.clientId ? undefined : (storedTokens(api) ?? (await ofPage(api)));
  const issuer = given.issuer ?? known?.issuer;
  const clientId = given.clientId ?? known?.clientId;
  if (issuer && clientId) return { issuer, clientId };
  throw new UsageError(
    `Where to sign in for ${api} is not known. Give --issuer and --client-id; the outputs of the stack have them.`,
  );
}

async function ofPage(api: string): Promise<Partial<Issuer> | undefined> {
  try {
    const response = await fetch(new URL('/config.json', api), { signal: AbortSignal.timeout(5000) });
    const { issuer, clientId } = (await response.json()) as Partial<Issuer>;
    return { issuer, clientId };
  } catch {
    return undefined;
  }
}
