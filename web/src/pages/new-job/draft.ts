import type { JobRequest } from '../../api/types.ts';
import { KEPT } from '../../ui/kept.ts';

/** The form as a person fills it in; numbers are text until the request is made. */
export type Draft = {
  name: string;
  type: string;
  prompt: string;
  repositories: string;
  setup: string;
  verify: string;
  include: string;
  exclude: string;
  model: string;
  image: string;
  maxTurns: string;
  repositoryCostUsd: string;
  maxMinutes: string;
  jobCostUsd: string;
  maxConcurrency: string;
  pulls: 'review' | 'once' | 'none';
  title: string;
  branch: string;
  labels: string;
  reviewers: string;
  isDraft: boolean;
  /** Further fields of the request, as JSON. */
  others: string;
  sample: string;
};

export const EMPTY_DRAFT: Draft = {
  name: '',
  type: 'custom',
  prompt: '',
  repositories: '',
  setup: '',
  verify: '',
  include: '',
  exclude: '',
  model: '',
  image: '',
  maxTurns: '',
  repositoryCostUsd: '',
  maxMinutes: '',
  jobCostUsd: '',
  maxConcurrency: '',
  pulls: 'review',
  title: '',
  branch: '',
  labels: '',
  reviewers: '',
  isDraft: false,
  others: '',
  sample: '3',
};

const KEY = `${KEPT}draft`;

/** The draft that this browser keeps. */
export function storedDraft(): Draft {
  try {
    return { ...EMPTY_DRAFT, ...JSON.parse(localStorage.getItem(KEY) ?? '{}') };
  } catch {
    return EMPTY_DRAFT;
  }
}

/** Best effort: a browser whose storage is full keeps the draft in memory alone. */
export function storeDraft(draft: Draft | undefined): void {
  try {
    if (draft) localStorage.setItem(KEY, JSON.stringify(draft));
    else localStorage.removeItem(KEY);
  } catch {
    localStorage.removeItem(KEY);
  }
}

/** The lines of a field, without empty ones. */
export function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
}

/** Names by lines or by commas, each once. */
export function entriesOf(text: string): string[] {
  return [...new Set(linesOf(text.replaceAll(',', '\n')))];
}

/** The further fields; undefined if the text is not a JSON object. */
export function othersOf(text: string): Partial<JobRequest> | undefined {
  if (text.trim() === '') return {};
  try {
    const others: unknown = JSON.parse(text);
    return typeof others === 'object' && others !== null && !Array.isArray(others) ? others : undefined;
  } catch {
    return undefined;
  }
}

/** The body of POST /jobs. The API checks it, and names each field at fault. A field of the form goes before the further ones. */
export function requestOf(draft: Draft, sample: number | undefined): JobRequest {
  const others = othersOf(draft.others) ?? {};
  const pullRequest = {
    ...others.pullRequest,
    ...textOf('title', draft.title),
    ...textOf('branch', draft.branch),
    ...listOf('labels', draft.labels.replaceAll(',', '\n')),
    ...listOf('reviewers', draft.reviewers.replaceAll(/[\s,]+/g, '\n').replaceAll('@', '')),
    ...(draft.isDraft && { draft: true }),
  };
  return {
    ...others,
    prompt: draft.prompt,
    repositories: entriesOf(draft.repositories),
    ...(draft.name.trim() && { name: draft.name.trim() }),
    ...(draft.type && { type: draft.type }),
    ...(sample !== undefined && { sample }),
    ...numberOf('maxCostUsd', draft.jobCostUsd),
    ...numberOf('maxConcurrency', draft.maxConcurrency),
    createPullRequests: draft.pulls === 'once',
    review: draft.pulls === 'review' ? 'required' : 'optional',
    settings: {
      ...others.settings,
      ...(draft.model.trim() && { model: draft.model.trim() }),
      ...(draft.image && { image: draft.image }),
      ...numberOf('maxTurns', draft.maxTurns),
      ...numberOf('maxCostUsd', draft.repositoryCostUsd),
      ...numberOf('maxMinutes', draft.maxMinutes),
      ...listOf('setup', draft.setup),
      ...listOf('verify', draft.verify),
      ...listOf('include', draft.include),
      ...listOf('exclude', draft.exclude),
    },
    ...(Object.keys(pullRequest).length > 0 && { pullRequest }),
  };
}

function textOf(name: string, text: string): Record<string, string> {
  return text.trim() === '' ? {} : { [name]: text.trim() };
}

function numberOf(name: string, text: string): Record<string, number> {
  return text.trim() === '' ? {} : { [name]: Number(text) };
}

function listOf(name: string, text: string): Record<string, string[]> {
  const lines = linesOf(text);
  return lines.length > 0 ? { [name]: lines } : {};
}
