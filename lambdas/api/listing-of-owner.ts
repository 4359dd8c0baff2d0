import type { Listing, Listings } from '../../core/store/listings.ts';
import { readOwner } from '../choose/owner-listing.ts';
import type { Context } from '../context.ts';

/** 10,000 repositories take 100 of the 5,000 calls an hour that all readers of GitHub share. */
const MAX_AGE_MS = 10 * 60_000;
/** A reader who asks for it gets a listing that is at most this old. */
const REFRESHED_AGE_MS = 60_000;
/** A person who types a filter reads the same listing with every letter. */
const KEPT_MS = 30_000;

const kept = new WeakMap<Listings, Map<string, { at: number; listing: Promise<Listing> }>>();

/** The repositories of an owner from GitHub, at most 10 minutes old; with `refresh`, a minute. */
export function listingOfOwner(owner: string, refresh: boolean, context: Context): Promise<Listing> {
  const ofProcess = kept.get(context.listings) ?? new Map();
  kept.set(context.listings, ofProcess);
  const at = Date.parse(context.now());
  const known = ofProcess.get(owner);
  if (known && !refresh && at - known.at < KEPT_MS) return known.listing;
  const listing = sharedListing(owner, refresh, context);
  ofProcess.set(owner, { at, listing });
  // A failure is not kept.
  listing.catch(() => ofProcess.delete(owner));
  return listing;
}

async function sharedListing(owner: string, refresh: boolean, context: Context): Promise<Listing> {
  const { listings, settings, now } = context;
  const shared = await listings.find(owner);
  const age = shared ? Date.parse(now()) - Date.parse(shared.listedAt) : Number.POSITIVE_INFINITY;
  if (shared && age < (refresh ? REFRESHED_AGE_MS : MAX_AGE_MS)) return shared;
  const listedAt = now();
  const { found } = await readOwner(owner, settings);
  const names = found.flatMap(({ repositoryName, isArchived, isDisabled }) =>
    isArchived || isDisabled ? [] : [repositoryName],
  );
  const listing = { listedAt, names };
  await listings.put(owner, listing);
  return listing;
}
