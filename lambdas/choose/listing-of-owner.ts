import type { ListedRepository, Listings } from '../../core/store/listings.ts';
import type { Context } from '../context.ts';
import { readOwner } from './owner-listing.ts';

/** 10,000 repositories take 100 of the 5,000 calls an hour that all readers of GitHub share. */
const MAX_AGE_MS = 10 * 60_000;
/** A reader who asks for it gets a listing that is at most this old. */
const REFRESHED_AGE_MS = 60_000;
/** A person who types a filter reads the same listing with every letter. */
const KEPT_MS = 30_000;

export type OwnerListing = {
  listedAt: string;
  repositories: ListedRepository[];
  /** Why repositories are missing; absent if none is. */
  missing?: string | undefined;
};
type Stores = Pick<Context, 'listings' | 'settings' | 'now'>;
type Asked = {
  /** Asks for a listing of at most a minute. */
  refresh: boolean;
  /** When to stop reading GitHub, by the clock of performance.now(). */
  deadline?: number;
};

const kept = new WeakMap<Listings, Map<string, { at: number; listing: Promise<OwnerListing> }>>();

/**
 * The repositories of an owner from GitHub, at most 10 minutes old, for every reader and every process. A listing that was
 * not read to its end is not kept.
 */
export function listingOfOwner(owner: string, asked: Asked, context: Stores): Promise<OwnerListing> {
  const ofProcess = kept.get(context.listings) ?? new Map();
  kept.set(context.listings, ofProcess);
  const key = owner.toLowerCase();
  const at = Date.parse(context.now());
  const known = ofProcess.get(key);
  if (known && !asked.refresh && at - known.at < KEPT_MS) return known.listing;
  const listing = sharedListing(owner, asked, context);
  const one = { at, listing };
  ofProcess.set(key, one);
  const forget = () => ofProcess.get(key) === one && ofProcess.delete(key);
  listing.then(({ missing }) => missing && forget(), forget);
  return listing;
}

async function sharedListing(owner: string, asked: Asked, context: Stores): Promise<OwnerListing> {
  const { listings, settings, now } = context;
  const shared = await listings.find(owner);
  const age = shared ? Date.parse(now()) - Date.parse(shared.listedAt) : Number.POSITIVE_INFINITY;
  if (shared && age < (asked.refresh ? REFRESHED_AGE_MS : MAX_AGE_MS)) return shared;
  const listedAt = now();
  const { found: repositories, missing } = await readOwner(owner, settings, asked.deadline);
  if (missing === undefined) await listings.put(owner, { listedAt, repositories });
  return { listedAt, repositories, missing };
}
