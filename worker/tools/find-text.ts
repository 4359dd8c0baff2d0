/** A shorter text is found by the engine's own search in little more time than it takes to read the other. */
const MAX_SHORT = 64;

/**
 * Where `wanted` stands in `text`, from the left and without overlaps. The time is that of reading both once (Knuth, Morris
 * and Pratt), whatever they are: the engine's own search takes minutes to miss a long text in a file that repeats itself,
 * and no time limit can end it.
 */
export function placesOf(text: string, wanted: string): number[] {
  return [...findAll(text, wanted)];
}

export function holds(text: string, wanted: string): boolean {
  return !findAll(text, wanted).next().done;
}

function* findAll(text: string, wanted: string): Generator<number> {
  if (wanted.length > MAX_SHORT) return yield* findLong(text, wanted);
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) yield at;
}

function* findLong(text: string, wanted: string): Generator<number> {
  const borders = bordersOf(wanted);
  for (let at = 0, known = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    while (known > 0 && wanted.charCodeAt(known) !== unit) known = borders[known - 1]!;
    if (wanted.charCodeAt(known) === unit) known++;
    if (known < wanted.length) continue;
    yield at + 1 - known;
    known = 0;
  }
}

/** For each start of the text how much of it is its end as well, itself left out. */
function bordersOf(wanted: string): Uint32Array {
  const borders = new Uint32Array(wanted.length);
  for (let at = 1, known = 0; at < wanted.length; at++) {
    const unit = wanted.charCodeAt(at);
    while (known > 0 && wanted.charCodeAt(known) !== unit) known = borders[known - 1]!;
    if (wanted.charCodeAt(known) === unit) known++;
    borders[at] = known;
  }
  return borders;
}
