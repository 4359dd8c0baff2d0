/** One figure: what was done, and a row for each quantity. */
export type Figure = {
  title: string;
  /** What ran, against which floor, and how it was measured; a paragraph each. */
  method: readonly string[];
  rows: readonly Row[];
};

export type Row = {
  quantity: string;
  /** The median, with its unit. */
  value: string;
  /** The least and the most that were seen. */
  spread?: string;
  floor?: string;
  ratio?: string;
  /** Absent where nothing was promised. */
  goal?: string;
  met?: boolean;
};

/** Says on standard error what is under way; results go to standard output. */
export type Tell = (line: string) => void;

export type Unit = { name: string; digits: number };
export const SECONDS: Unit = { name: 's', digits: 2 };
export const MEBIBYTES: Unit = { name: 'MiB', digits: 0 };

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('There is no median of no values.');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Runs `rounds` times each of `runs`, in turn (A B A B …), so that a machine that gets slower slows all of them. */
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

/** A row of medians. The ratio is that of the medians; `most` bounds the value, `mostRatio` the ratio. */
export function row(
  quantity: string,
  unit: Unit,
  values: readonly number[],
  options: { floor?: readonly number[]; most?: number; mostRatio?: number } = {},
): Row {
  const { floor, most, mostRatio } = options;
  const value = median(values);
  const ratio = floor && value / median(floor);
  const spread = `${Math.min(...values).toFixed(unit.digits)} to ${Math.max(...values).toFixed(unit.digits)}`;
  return {
    quantity,
    value: format(value, unit),
    ...(values.length > 1 && { spread }),
    ...(floor && { floor: format(median(floor), unit), ratio: ratio!.toFixed(2) }),
    ...(most !== undefined && { goal: `under ${most} ${unit.name}`, met: value < most }),
    ...(mostRatio !== undefined && {
      goal: `at most ${mostRatio} of the floor`,
      met: ratio! <= mostRatio,
    }),
  };
}
