import type { PullRequestDay } from '../../../../../core/pull-request-day.ts';

export type Series = { label: string; tone: string; of: (day: PullRequestDay) => number };

/** The parts of a day from the bottom up: what is done lies below what is left. */
export const SERIES: readonly Series[] = [
  { label: 'merged', tone: 'good', of: ({ merged }) => merged },
  { label: 'closed', tone: 'quiet', of: ({ closed }) => closed },
  { label: 'open, green', tone: 'good-2', of: ({ green }) => green },
  {
    label: 'open, without checks',
    tone: 'busy',
    of: ({ open, green, red, pending }) => Math.max(0, open - green - red - pending),
  },
  { label: 'open, checks running', tone: 'warn', of: ({ pending }) => pending },
  { label: 'open, red', tone: 'bad', of: ({ red }) => red },
];

/** A part of a day in a plot in which every day is 1 wide and the largest day is 1 high; `y` grows downwards. */
export type Part = { day: string; label: string; tone: string; x: number; y: number; height: number };

/** Fewer days leave the plot empty at its left, so that one day does not fill it. */
const MIN_DAYS = 10;

export function plotOf(days: readonly PullRequestDay[]): { parts: Part[]; width: number; most: number } {
  const width = Math.max(days.length, MIN_DAYS);
  const most = Math.max(0, ...days.map(totalOf));
  const parts = days.flatMap((day, index) => {
    let top = 1;
    return SERIES.flatMap(({ label, tone, of }): Part[] => {
      const height = most === 0 ? 0 : of(day) / most;
      top -= height;
      return height === 0
        ? []
        : [{ day: day.day, label, tone, x: width - days.length + index, y: top, height }];
    });
  });
  return { parts, width, most };
}

function totalOf(day: PullRequestDay): number {
  return SERIES.reduce((sum, { of }) => sum + of(day), 0);
}
