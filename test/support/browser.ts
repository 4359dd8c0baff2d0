import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The Chromium of this machine; undefined if there is none. */
export const CHROMIUM = [process.env.CHROMIUM, ...PLACES].find((place) => place && existsSync(place));

/** A bound for what never appears. A busy machine may take a minute for what a quiet one draws in a second. */
const WAIT_MS = 300_000;

export async function openBrowser(): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM!,
    args: ['--no-sandbox'],
    timeout: WAIT_MS,
  });
  browser.on('context', (context) => context.setDefaultTimeout(WAIT_MS));
  return browser;
}

/** What went wrong on a page: errors of scripts, and reports of the content security policy. */
export function faultsOf(page: Page, faults: string[] = []): string[] {
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (/Content Security Policy|TrustedHTML|TrustedScript/i.test(message.text()))
      faults.push(message.text());
  });
  return faults;
}
