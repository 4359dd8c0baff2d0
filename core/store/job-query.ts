import type { JobRow, JobStatus } from '../job.ts';

/** Which jobs a list has. Times are ISO 8601, and both ends are included. */
export type JobQuery = {
  status?: JobStatus | undefined;
  type?: string | undefined;
  /** A part of the name, the description, the identifier or the caller, in any case. */
  text?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  limit: number;
  cursor?: string | undefined;
};

/** A search reads this many jobs at most for one page: about 2 MB, or 250 read units. */
export const MAX_LOOKED_AT = 1000;
export const LOOKED_AT_ONCE = 250;

/** The attribute that a search looks in: DynamoDB compares case. */
export function wordsOf({ jobId, name, description = '', createdBy = '' }: JobRow): string {
  return [jobId, name, description, createdBy].join('\n').toLowerCase();
}

/** The expressions of a Query of the status index, or of the index of all jobs. */
export function conditionsOf({ status, type, text, from, to }: JobQuery) {
  const range = from && to ? 'BETWEEN :from AND :to' : from ? '>= :from' : to ? '<= :to' : undefined;
  const filters = [
    type !== undefined && '#type = :type',
    text !== undefined && 'contains(words, :text)',
  ].filter(Boolean);
  return {
    KeyConditionExpression: range ? `#key = :value AND createdAt ${range}` : '#key = :value',
    ExpressionAttributeNames: {
      '#key': status ? 'status' : 'entity',
      ...(type !== undefined && { '#type': 'type' }),
    },
    ExpressionAttributeValues: {
      ':value': status ?? 'job',
      ...(from && { ':from': from }),
      ...(to && { ':to': to }),
      ...(type !== undefined && { ':type': type }),
      ...(text !== undefined && { ':text': text.toLowerCase() }),
    },
    ...(filters.length > 0 && { FilterExpression: filters.join(' AND ') }),
  };
}
