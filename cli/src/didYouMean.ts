/** The number of changes of single letters between two names. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1)!;
}

/** `; did you mean NAME?` for the name that is nearest to one that there is not; empty where none is near. */
export function didYouMean(name: string, names: readonly string[]): string {
  const [best] = names.toSorted((a, b) => distance(name, a) - distance(name, b));
  const isNear = best !== undefined && distance(name, best) <= Math.max(2, name.length / 2);
  return isNear ? `; did you mean ${best}?` : '';
}
