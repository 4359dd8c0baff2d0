import { z } from 'zod';

/** Reserved names: every command has these variables, or they change how programs start. */
const RESERVED =
  /^(?:PATH|HOME|TMPDIR|LANG|IFS|ENV|BASH_ENV|SHELLOPTS|.*_SECRET_ID|(?:AWS|ECS|CLAUDE|ANTHROPIC|GITHUB|DYNAMODB|GIT|LD|DYLD|LC|NODE)_.*)$/;

/** The name of a secret for `setup`, and of the environment variable that the command gets. */
export const CommandSecretName = z
  .string()
  .max(64)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "expected an environment variable's name, such as NPM_TOKEN")
  .refine(
    (name) => !RESERVED.test(name),
    'expected a name that is not reserved, such as NPM_TOKEN: this one belongs to Cody Batch, or to the programs that run a command',
  );

/** The secret's name in Secrets Manager, after the environment's prefix. */
export function commandSecretPart(name: string): string {
  return `command-secret-${name}`;
}

/** A shorter secret looks like ordinary text, so it cannot be redacted. */
const MIN_LENGTH = 8;

/** The reason why a command cannot get this value, without the value. Returns undefined if it can. */
export function unusableSecret(value: string): string | undefined {
  if (value.length < MIN_LENGTH)
    return `has ${value.length} characters; at least ${MIN_LENGTH} are needed, because a shorter one cannot be redacted`;
  if (/[\r\n\0]/.test(value))
    return 'has several lines; only a secret of one line can be redacted wherever a part of it is printed (encode it as base64)';
  return undefined;
}
