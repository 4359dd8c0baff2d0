import { expect, test } from '@jest/globals';
import { hostilePatches, shapesBesides } from './hostile-patches.ts';

test.each(hostilePatches(1))('a hostile patch has a shape and changes it by one byte: %s', (_, make) => {
  const [shape, other] = shapesBesides(make());
  expect(other).not.toBe(shape);
});
