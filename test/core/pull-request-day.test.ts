import { expect, test } from '@jest/globals';
import { everyDay } from '../../core/pull-request-day.ts';

test('a burn-down has every day, also those on which nothing changed', () => {
  const none = { open: 0, green: 0, red: 0, pending: 0, merged: 0, closed: 0, failed: 0 };
  const recorded = [
    { day: '2026-02-27', ...none, open: 2, green: 1, red: 1 },
    { day: '2026-03-02', ...none, merged: 2 },
  ];
  expect(everyDay(recorded, '2026-03-03').map(({ day, open, merged }) => [day, open, merged])).toEqual([
    ['2026-02-27', 2, 0],
    ['2026-02-28', 2, 0],
    ['2026-03-01', 2, 0],
    ['2026-03-02', 0, 2],
    ['2026-03-03', 0, 2],
  ]);
  expect(everyDay([], '2026-03-03')).toEqual([]);
});
