/** One figure: how it was measured, and a row for each quantity. */
export type Figure = {
  title: string;
  /** One paragraph each: what runs, against which floor, and how it is measured. */
  method: readonly string[];
  rows: readonly Row[];
};

export type Row = {
  quantity: string;
  /** The median, with its unit. */
  value: string;
  /** The smallest and the largest value. */
  spread?: string;
  floor?: string;
  ratio?: string;
  /** The goal in words; absent if none is set. */
  goal?: string;
  met?: boolean;
};

/** Logs progress to standard error; results go to standard output. */
export type Log = (line: string) => void;

export type Unit = { name: string; digits: number };
export const SECONDS: Unit = { name: 's', digits: 2 };
export const MEBIBYTES: Unit = { name: 'MiB', digits: 0 };

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('The median of an empty list is not defined.');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Runs each of `runs` `rounds` times, in turn (A B A B …), so that a slower machine affects all of them. */
export async function interleave<T>(
  rounds: number,
  runs: readonly ((round: number) => Promise<T>)[],
): Promise<T[][]> {
  const results: T[][] = runs.map(() => []);
  for (let round = 1; round <= rounds; round++) {
    for (const [i, run] of runs.entries()) results[i]!.push(await run(round));
  }
  return results;
}

export function format(value: number, { name, digits }: Unit): string {
  return `${value.toFixed(digits)} ${name}`;
}

/** A row of medians. The ratio is that of the medians; `max` limits the value, `maxRatio` the ratio. */
export function row(
  quantity: string,
  unit: Unit,
  values: readonly number[],
  options: { floor?: readonly number[]; max?: number; maxRatio?: number } = {},
): Row {
  const { floor, max, maxRatio } = options;
  const value = median(values);
  const ratio = floor && value / median(floor);
  const spread = `${Math.min(...values).toFixed(unit.digits)} to ${Math.max(...values).toFixed(unit.digits)}`;
  return {
    quantity,
    value: format(value, unit),
    ...(values.length > 1 && { spread }),
    ...(floor && { floor: format(median(floor), unit), ratio: ratio!.toFixed(2) }),
    ...(max !== undefined && { goal: `under ${max} ${unit.name}`, met: value < max }),
    ...(maxRatio !== undefined && {
      goal: `at most ${maxRatio} of the floor`,
      met: ratio! <= maxRatio,
    }),
  };
}
