import type { Picture } from './model.ts';

/** The picture of a group that has most to lose: labels, then pixels, then bytes; of equal ones the first. */
export function bestOf(group: readonly Picture[]): Picture {
  const value = ({ done, objects, width, height, size }: Picture) => [
    objects,
    done ? 1 : 0,
    width * height,
    size,
  ];
  return group.reduce((best, one) => {
    const [a, b] = [value(best), value(one)];
    const i = a.findIndex((number, k) => number !== b[k]);
    return i >= 0 && b[i]! > a[i]! ? one : best;
  });
}
