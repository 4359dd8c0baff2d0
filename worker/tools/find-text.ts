/** For shorter texts the engine's own search is fast enough in every case. */
const MAX_SHORT = 64;

/**
 * The indices of `wanted` in `text`, from the left and without overlaps. Takes linear time (Knuth, Morris and Pratt): the
 * engine's own search may take minutes for a long text in a repetitive file, and no time limit can stop it.
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

/** For each prefix, the length of its longest proper prefix that is also its suffix. */
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
