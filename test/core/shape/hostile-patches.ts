import { shapesOf } from '../../../core/shape/shape.ts';
import { hunk, section } from './patches.ts';

/** Patches that are made to be slow, in this part of their full size. */
export function hostilePatches(scale: number): [string, () => string][] {
  const n = (full: number) => Math.ceil(full * scale);
  const lines = (full: number, line: string): string[] => Array(n(full)).fill(line);
  return [
    [
      `${n(10_000)} files`,
      () =>
        [...Array(n(10_000)).keys()]
          .map((i) => section(`f${i}`, hunk(1, [`old${i}(x)`], [`new${i}(x)`])))
          .join(''),
    ],
    [
      // Of 75 MB, or not much above the size up to which lines are compared.
      'a large patch',
      () => {
        const large = Math.max(n(750_000), 175_000);
        return section(
          'a',
          hunk(1, Array(large).fill(`${'x+'.repeat(24)}a`), Array(large).fill(`${'y-'.repeat(24)}b`)),
        );
      },
    ],
    [
      'lines of one token a character',
      () => section('a', hunk(1, lines(20_000, '+-'.repeat(99)), lines(20_000, '*+/'.repeat(66)))),
    ],
    [
      'long blocks of unequal length',
      () => section('a', hunk(1, lines(100_000, 'a b c'), [...lines(100_000, 'a b d'), 'a b d'])),
    ],
    [
      'a minified line',
      () => section('a', hunk(1, ['a;'.repeat(n(4_000_000))], ['b;'.repeat(n(4_000_000))])),
    ],
    [
      'runs that all are aligned',
      () =>
        section(
          'a',
          lines(4_000, hunk(1, Array(49).fill('a b c d e f g h'), Array(50).fill('a b c d i j k l'))).join(
            '',
          ),
        ),
    ],
  ];
}

/** The shape of the patch, and that of the patch with another byte in its last line. */
export function shapesBesides(text: string): [string, string] {
  const patch = Buffer.from(text);
  const { shape } = shapesOf(patch)!;
  patch[patch.length - 2] = 0x7e;
  return [shape, shapesOf(patch)!.shape];
}
