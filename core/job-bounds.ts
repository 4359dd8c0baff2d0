import { SettingsError } from './errors.ts';

/** The default of a job's bound if neither the job nor DEFAULT_… sets it, and the most that the API's schema admits. */
const BOUNDED = {
  CONCURRENCY: { fallback: 20, most: 10_000 },
  JOB_COST_USD: { fallback: 50, most: 1_000_000 },
  TURNS: { fallback: 60, most: 1000 },
  REPOSITORY_COST_USD: { fallback: 2, most: 10_000 },
  MINUTES: { fallback: 45, most: 1440 },
} as const;
export type Bounded = keyof typeof BOUNDED;
export type JobBounds = Record<`DEFAULT_${Bounded}` | `MAX_${Bounded}`, number>;

/**
 * If callers are authenticated, a ceiling that is not set is this many times the default. The owner of a machine has no
 * ceiling.
 */
const CEILING_PER_DEFAULT = 10;

/** The default and the ceiling of each bound. A default that is not set is at most the ceiling. */
export function boundsOf(
  given: { AUTHORIZATION: 'jwt' | 'none' } & { [Name in keyof JobBounds]?: number | undefined },
): JobBounds {
  const bounds = (Object.keys(BOUNDED) as Bounded[]).map((name) => {
    const { fallback, most } = BOUNDED[name];
    const ceiling = given[`MAX_${name}`];
    const byDefault = given[`DEFAULT_${name}`] ?? Math.min(fallback, ceiling ?? most);
    const unset = given.AUTHORIZATION === 'none' ? most : Math.min(most, CEILING_PER_DEFAULT * byDefault);
    const max = ceiling ?? unset;
    if (byDefault > max) {
      throw new SettingsError(
        `DEFAULT_${name} is ${byDefault}, and MAX_${name} is ${max}, above which no job may be. Lower the first or raise the second.`,
      );
    }
    return { [`DEFAULT_${name}`]: byDefault, [`MAX_${name}`]: max };
  });
  return Object.assign({}, ...bounds) as JobBounds;
}
