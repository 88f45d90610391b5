/** The first place of a part of an ascending list whose value is above another; `end` where there is none. Takes O(log n). */
export function firstAbove(sorted: ArrayLike<number>, value: number, start: number, end: number): number {
  let [low, high] = [start, end];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
