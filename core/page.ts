/**
 * The content security policy of the page. Nothing but its own files runs, and no text becomes markup: Trusted Types are
 * required, and there is no policy that makes them.
 */
export function pagePolicy(connect: readonly string[] = []): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src ${["'self'", ...connect].join(' ')}`,
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

/** Files whose names have a digest of their content. */
export const PAGE_ASSETS = '/assets/';

/** The file at this path, or the page's document: every other path is an address within the page. */
export const PAGE_FILES = ['/config.json', '/favicon.svg', '/THIRD_PARTY_LICENSES.txt'] as const;
