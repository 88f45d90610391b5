import type { Box, ImageSize } from '../../vision/boxes.ts';
import type { AnnotatedShape } from '../annotation.ts';
import { samePatch } from '../maskRuns.ts';

/** Whether two objects are alike but for their numbers. */
export function sameObject(a: readonly AnnotatedShape[], b: readonly AnnotatedShape[]): boolean {
  // Parts of one object are numbered within an image.
  const facts = (shapes: readonly AnnotatedShape[]) =>
    shapes.map(({ id: _, area: __, groupId, mask: ___, extra: ____, ...rest }) => ({
      ...rest,
      groupId: shapes.length > 1 ? 0 : groupId,
    }));
  const sameMask = ({ mask }: AnnotatedShape, i: number): boolean => {
    const other = b[i]!.mask;
    return mask && other ? samePatch(mask, other) : mask === other;
  };
  return a.length === b.length && JSON.stringify(facts(a)) === JSON.stringify(facts(b)) && a.every(sameMask);
}

/** The box around coordinates, within the image; the whole image where none is finite; undefined where nothing of it is inside. */
export function regionOf(
  coordinates: readonly number[] | undefined,
  { width, height }: ImageSize,
): Box | undefined {
  const around = [Infinity, Infinity, -Infinity, -Infinity];
  coordinates?.forEach((value, i) => {
    if (!Number.isFinite(value)) return;
    around[i % 2] = Math.min(around[i % 2]!, value);
    around[2 + (i % 2)] = Math.max(around[2 + (i % 2)]!, value);
  });
  if (!around.every(Number.isFinite)) return [0, 0, width, height];
  const [x1, y1, x2, y2] = around as [number, number, number, number];
  const box: Box = [Math.max(0, x1), Math.max(0, y1), Math.min(width, x2), Math.min(height, y2)];
  return box[2] > box[0] && box[3] > box[1] ? box : undefined;
}
