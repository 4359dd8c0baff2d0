import { type AppOptions, AppStore } from './app-store.ts';
import { Clock } from './clock.ts';
import { Credentials, type TokenOptions } from './credentials.ts';
import { type LostAnswer, LostAnswers } from './lost-answers.ts';
import { type RateLimitOptions, RateLimits } from './rate-limits.ts';
import { TeamStore } from './team-store.ts';

/**
 * Only tests set these options. Without them, every caller is `local`, who owns every repository, and nothing
 * is limited.
 */
export type StrictOptions = {
  /** The tokens that exist. @default any token, and none, is that of `local` */
  tokens?: readonly TokenOptions[];
  /** The GitHub Apps that exist, each with its installations. @default none */
  apps?: readonly AppOptions[];
  /** How much a credential may request in a time. @default no limits, as on a GitHub Enterprise Server */
  limits?: RateLimitOptions;
  /**
   * Divides the minutes and hours of limits and of installation tokens. Answers keep GitHub's own
   * seconds, for a client that divides its waits in the same way.
   * @default 1
   */
  timeScale?: number;
  /** `owner/name` of repositories that GitHub's staff has blocked. @default none */
  disabled?: readonly string[];
  /** Writes that are carried out but whose answer is lost. @default none */
  lostAnswers?: readonly LostAnswer[];
};

export type StrictRules = {
  teams: TeamStore;
  apps: AppStore;
  credentials: Credentials;
  limits: RateLimits;
  /** Lower-case `owner/name` of repositories that GitHub has blocked. */
  disabled: ReadonlySet<string>;
  lostAnswers: LostAnswers;
};

/** Throws if the file of teams in `dataFolder` does not parse. */
export async function openStrictRules(dataFolder: string, options: StrictOptions): Promise<StrictRules> {
  const clock = new Clock(options.timeScale);
  const apps = new AppStore(options.apps ?? [], clock);
  return {
    teams: await TeamStore.open(dataFolder),
    apps,
    credentials: new Credentials(options.tokens, apps),
    limits: new RateLimits(options.limits ?? {}, clock),
    disabled: new Set(options.disabled?.map((name) => name.toLowerCase())),
    lostAnswers: new LostAnswers(options.lostAnswers ?? []),
  };
}
