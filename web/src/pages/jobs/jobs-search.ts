import { textParam, wordParam } from '../../app/search-params.ts';

export const JOB_STATUSES = ['pending', 'processing', 'waiting', 'completed', 'failed', 'cancelled'] as const;

export type JobsSearch = {
  status?: (typeof JOB_STATUSES)[number];
  type?: string;
  text?: string;
  from?: string;
  to?: string;
};

export function jobsSearch(search: Record<string, unknown>): JobsSearch {
  return {
    status: wordParam(search.status, JOB_STATUSES),
    type: textParam(search.type, 64),
    text: textParam(search.text, 200),
    from: dateParam(search.from),
    to: dateParam(search.to),
  };
}

function dateParam(value: unknown): string | undefined {
  const text = textParam(value, 10);
  return text && /^\d{4}-\d\d-\d\d$/.test(text) ? text : undefined;
}
