import { expect, test } from '@jest/globals';
import { chooseSample, type Listed } from '../../core/sample.ts';

const JOB = 'job-01ARZ3NDEKTSV4RRFFQ69G5FAV';

const listed: Listed[] = [
  ...Array.from({ length: 90 }, (_, i) => ({ name: `acme/java-${i}`, language: 'Java', sizeKiB: 500 })),
  ...Array.from({ length: 5 }, (_, i) => ({ name: `acme/large-${i}`, language: 'Java', sizeKiB: 500_000 })),
  ...Array.from({ length: 4 }, (_, i) => ({ name: `acme/go-${i}`, language: 'Go', sizeKiB: 20 })),
  { name: 'acme/empty', language: null, sizeKiB: 0 },
];

const kinds = (names: readonly string[]) => names.map((name) => name.replace(/^acme\/|-\d+$/g, '')).sort();

test('a sample of a fleet has each language and size before a second of one', () => {
  expect(kinds(chooseSample(JOB, listed, 4))).toEqual(['empty', 'go', 'java', 'large']);
  expect(kinds(chooseSample(JOB, listed, 6))).toHaveLength(6);
  expect(new Set(kinds(chooseSample(JOB, listed, 2))).size).toBe(2);
});

test('a job chooses the same sample whatever the order of the listing is, and another job another one', () => {
  const first = chooseSample(JOB, listed, 10);
  expect(chooseSample(JOB, listed.toReversed(), 10)).toEqual(first);
  expect(chooseSample('job-01ARZ3NDEKTSV4RRFFQ69G5FAW', listed, 10)).not.toEqual(first);
  expect(new Set(first).size).toBe(10);
});

test('a sample larger than the fleet is all of it', () => {
  expect(chooseSample(JOB, listed, 1000)).toHaveLength(100);
  expect(chooseSample(JOB, [{ name: 'a/b' }, { name: 'a/c' }], 1)).toHaveLength(1);
});
