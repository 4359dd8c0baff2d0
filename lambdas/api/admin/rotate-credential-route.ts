import { z } from 'zod';
import type { DescribedRoute } from '../route.ts';
import { Done, Reason } from './audited.ts';

const CredentialName = z.enum([
  'CLAUDE_API_KEY',
  'GITHUB_TOKEN',
  'GITHUB_WRITE_TOKEN',
  'GITHUB_APP_PRIVATE_KEY',
]);

/**
 * The only route that writes secrets. A function of its own answers it (lambdas/api/credentials.ts), so that the API's
 * function, which all other requests reach, need not be able to.
 */
export const ROTATE_CREDENTIAL = {
  method: 'POST',
  path: '/admin/credentials/{name}',
  role: 'admin',
  summary: 'Stores a new value of a credential, after its service has accepted it.',
  params: z.strictObject({ name: CredentialName }),
  body: z.strictObject({
    /** The new value, of 8 to 8192 characters. It is stored in Secrets Manager, and nowhere else; no refusal repeats it. */
    value: z.string(),
    reason: Reason.optional(),
  }),
  responses: { 200: Done },
  problems: [409],
} satisfies DescribedRoute;
