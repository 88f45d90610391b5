/** A place in a plot, in the units of its axes. */
export type PlotPoint = readonly [x: number, y: number];

/** More points than this are not visible in a plot, only heavy. */
const MAX_POINTS = 500;

/**
 * A running mean over `span` points centred on each, so that it does not lag behind a falling loss; the window
 * shrinks evenly at both ends. Points that are not finite are left out.
 */
export function smoothed(points: readonly PlotPoint[], span: number): PlotPoint[] {
  const finite = points.filter(([, y]) => Number.isFinite(y));
  const sums = new Float64Array(finite.length + 1);
  for (let i = 0; i < finite.length; i++) sums[i + 1] = sums[i]! + finite[i]![1];
  const half = Math.floor(span / 2);
  return finite.map(([x], i) => {
    const reach = Math.min(half, i, finite.length - 1 - i);
    return [x, (sums[i + reach + 1]! - sums[i - reach]!) / (2 * reach + 1)] as const;
  });
}

/** At most `limit` points; of each stretch its lowest and highest, so that spikes stay. */
export function thinned(points: readonly PlotPoint[], limit = MAX_POINTS): PlotPoint[] {
  if (points.length <= limit) return [...points];
  const buckets = Math.max(1, Math.floor(limit / 2) - 1);
  const out: PlotPoint[] = [points[0]!];
  for (let b = 0; b < buckets; b++) {
    const from = 1 + Math.floor((b * (points.length - 2)) / buckets);
    const to = 1 + Math.floor(((b + 1) * (points.length - 2)) / buckets);
    let low = from;
    let high = from;
    for (let i = from; i < to; i++) {
      if (points[i]![1] < points[low]![1]) low = i;
      if (points[i]![1] > points[high]![1]) high = i;
    }
    out.push(points[Math.min(low, high)]!);
    if (low !== high) out.push(points[Math.max(low, high)]!);
  }
  out.push(points.at(-1)!);
  return out;
}
