import { GitHubError } from '../rest/github-error.ts';
import type { Clock } from './clock.ts';

export type RateLimitOptions = {
  /**
   * Requests per hour and account.
   * @default no limit and no `x-ratelimit-*`, as on a GitHub Enterprise Server
   */
  requestsPerHour?: number;
  /** Requests that notify people: pull requests, merges, requests for review. @default no limit */
  contentPerMinute?: number;
  /** The same, per hour. @default no limit */
  contentPerHour?: number;
  /** A read costs one point, any other request five. @default no limit */
  pointsPerMinute?: number;
  /** The status of secondary limits; GitHub uses both. @default 403 */
  secondaryStatus?: 403 | 429;
};

/** https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api, for a user's token. */
export const GITHUB_COM_LIMITS = {
  requestsPerHour: 5000,
  contentPerMinute: 80,
  contentPerHour: 500,
  pointsPerMinute: 900,
} as const satisfies RateLimitOptions;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const DOCUMENTATION = '/using-the-rest-api/rate-limits-for-the-rest-api';

/** Counts events of the last `span` ms. Unlike a fixed window, it has no edge that a burst could straddle. */
class SlidingCount {
  readonly #max: number;
  readonly #span: number;
  #events: { at: number; weight: number }[] = [];
  #total = 0;

  constructor(max: number, span: number) {
    this.#max = max;
    this.#span = span;
  }

  /** Milliseconds until `weight` fits; 0 if it fits now. */
  delay(now: number, weight: number): number {
    while (this.#events[0] && this.#events[0].at <= now - this.#span) {
      this.#total -= this.#events.shift()?.weight ?? 0;
    }
    let excess = this.#total + weight - this.#max;
    for (const event of this.#events) {
      if (excess <= 0) return 0;
      excess -= event.weight;
      if (excess <= 0) return event.at + this.#span - now;
    }
    return 0;
  }

  add(now: number, weight: number): void {
    this.#events.push({ at: now, weight });
    this.#total += weight;
  }
}

/** The counts of one account. */
class Account {
  readonly minuteOfContent: SlidingCount;
  readonly hourOfContent: SlidingCount;
  readonly minuteOfPoints: SlidingCount;
  used = 0;
  resetAt = 0;

  constructor(options: RateLimitOptions) {
    const { contentPerMinute = Infinity, contentPerHour = Infinity, pointsPerMinute = Infinity } = options;
    this.minuteOfContent = new SlidingCount(contentPerMinute, MINUTE);
    this.hourOfContent = new SlidingCount(contentPerHour, HOUR);
    this.minuteOfPoints = new SlidingCount(pointsPerMinute, MINUTE);
  }
}

export type RateLimit = { limit: number; used: number; remaining: number; reset: number };

/**
 * GitHub's primary and secondary rate limits, counted by account. A limit does not count requests that it
 * refused.
 */
export class RateLimits {
  readonly #options: RateLimitOptions;
  readonly #clock: Clock;
  readonly #accounts = new Map<string, Account>();

  constructor(options: RateLimitOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Returns undefined if there is no primary limit. `reset` is in epoch seconds. */
  read(credential: string): RateLimit | undefined {
    const { requestsPerHour: limit } = this.#options;
    if (limit === undefined) return undefined;
    const account = this.#account(credential);
    const now = this.#clock.now();
    if (account.resetAt <= now) Object.assign(account, { used: 0, resetAt: now + HOUR });
    const reset = Math.ceil(this.#clock.toEpoch(account.resetAt) / 1000);
    return { limit, used: account.used, remaining: Math.max(0, limit - account.used), reset };
  }

  headers(credential: string): Record<string, string> {
    const rate = this.read(credential);
    if (!rate) return {};
    return {
      'x-ratelimit-limit': String(rate.limit),
      'x-ratelimit-remaining': String(rate.remaining),
      'x-ratelimit-used': String(rate.used),
      'x-ratelimit-reset': String(rate.reset),
      'x-ratelimit-resource': 'core',
    };
  }

  /** Throws 403 or 429 if a limit is reached; otherwise counts the request for the secondary limits. */
  admit(credential: string, request: { writes: boolean; createsContent: boolean }): void {
    const account = this.#account(credential);
    if (this.read(credential)?.remaining === 0) {
      throw new GitHubError(403, `API rate limit exceeded for user ID ${credential}.`, {
        documentation: `${DOCUMENTATION}#primary-rate-limit-for-authenticated-users`,
      });
    }
    const now = this.#clock.now();
    const { minuteOfPoints, minuteOfContent, hourOfContent } = account;
    const points = request.writes ? 5 : 1;
    const content = request.createsContent ? 1 : 0;
    this.#refuseFor(minuteOfPoints.delay(now, points), '. Please wait a few minutes before you try again.');
    this.#refuseFor(
      Math.max(minuteOfContent.delay(now, content), hourOfContent.delay(now, content)),
      ' and have been temporarily blocked from content creation. Please retry your request again later.',
    );
    minuteOfPoints.add(now, points);
    if (content === 0) return;
    minuteOfContent.add(now, content);
    hourOfContent.add(now, content);
  }

  /** Counts an answer for the primary limit. Callers skip it for a 304 to an authenticated client. */
  spend(credential: string): void {
    if (this.read(credential)?.remaining) this.#account(credential).used++;
  }

  #refuseFor(milliseconds: number, rest: string): void {
    if (milliseconds <= 0) return;
    const message = `You have exceeded a secondary rate limit${rest}`;
    throw new GitHubError(this.#options.secondaryStatus ?? 403, message, {
      headers: { 'retry-after': String(Math.ceil(milliseconds / 1000)) },
      documentation: `${DOCUMENTATION}#about-secondary-rate-limits`,
    });
  }

  #account(credential: string): Account {
    const account = this.#accounts.get(credential) ?? new Account(this.#options);
    this.#accounts.set(credential, account);
    return account;
  }
}
