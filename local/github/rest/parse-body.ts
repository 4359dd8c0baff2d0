import type { z } from 'zod';
import type { Call } from './call.ts';
import { type FieldError, GitHubError } from './github-error.ts';

/**
 * The body of a call, parsed by `schema`. Throws 422 with one entry for each invalid field; `resource` is
 * GitHub's name for what the body describes.
 */
export function parseBody<Schema extends z.ZodType>(
  call: Pick<Call, 'body'>,
  resource: string,
  schema: Schema,
): z.infer<Schema> {
  const result = schema.safeParse(call.body, { reportInput: true });
  if (result.success) return result.data;
  const errors = result.error.issues.map((issue): FieldError => {
    const missing = issue.input === undefined;
    const field = issue.path.map(String).join('.');
    return missing
      ? { resource, field, code: 'missing_field' }
      : { resource, field, code: 'invalid', message: `${field || 'body'}: ${issue.message}` };
  });
  throw new GitHubError(422, 'Validation Failed', { errors });
}
