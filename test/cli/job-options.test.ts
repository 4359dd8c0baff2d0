import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { FIELD_OPTIONS } from '../../cli/jobs/job-options.ts';
import { JobRequest } from '../../core/job.ts';

/** Set by `--prompt` and `--repo`. */
const BY_OTHERS = ['prompt', 'repositories'];

test('every field of POST /jobs has an option of run and submit, and no option is without a field', () => {
  const fields = leavesOf(JobRequest).filter((field) => !BY_OTHERS.includes(field));
  expect(FIELD_OPTIONS.map(({ field }) => field).sort()).toEqual(fields.sort());
});

function leavesOf(schema: z.ZodType, path: readonly string[] = []): string[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return leavesOf(schema.unwrap() as z.ZodType, path);
  if (!(schema instanceof z.ZodObject)) return [path.join('.')];
  return Object.entries(schema.shape).flatMap(([name, value]) =>
    leavesOf(value as z.ZodType, [...path, name]),
  );
}
