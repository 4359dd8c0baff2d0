import { z } from 'zod';

export const count = (fallback: number, max = 10_000) =>
  z.coerce.number().int().min(1).max(max).default(fallback);
export const seconds = (fallback: number, max = 10_000) =>
  z.coerce.number().positive().max(max).default(fallback);
export const whole = (max: number) => z.coerce.number().int().min(1).max(max);
export const positive = (max: number) => z.coerce.number().positive().max(max);
export const flag = (fallback: boolean) =>
  z
    .enum(['true', 'false'])
    .transform((word) => word === 'true')
    .default(fallback);
export const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter(Boolean),
  );
/** `Name <address>`, in git's form. */
export const person = z
  .string()
  .regex(/^[^<>\p{Cc}]+ <[^<>\s]+@[^<>\s]+>$/u, 'expected Name <address>')
  .transform((text): Person => {
    const at = text.lastIndexOf(' <');
    return { name: text.slice(0, at), email: text.slice(at + 2, -1) };
  });

export type Person = { name: string; email: string };

/**
 * The address of a service: https, or http on this machine only, so that no key travels in clear text. A password in it
 * would be stored in rows and logs, and a query is not part of a base address.
 */
export const address = z.string().superRefine((text, context) => {
  const refuse = (message: string) => context.addIssue({ code: 'custom', message });
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol))
    refuse('expected a URL with its scheme, such as https://example.com or http://127.0.0.1:8000');
  else if (url.protocol === 'http:' && !isLoopback(url.hostname))
    refuse('expected https; http is for 127.0.0.1, [::1] and localhost only');
  else if (url.username || url.password) refuse('expected no user name and no password in it');
  else if (url.search || url.hash) refuse('expected neither ? nor # in it');
});

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname);
}

/** A variable that contains JSON. */
export const json = <S extends z.ZodType>(schema: S) =>
  z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch (error) {
        context.addIssue({ code: 'custom', message: `expected JSON: ${(error as Error).message}` });
        return z.NEVER;
      }
    })
    .pipe(schema);
