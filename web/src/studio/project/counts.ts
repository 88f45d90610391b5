import type { ClassCounts, LabelObject, Picture } from './model.ts';

/** How many objects of each class a person has labelled: proposals do not count, and the parts of one object count once. */
export function countClasses(objects: readonly LabelObject[]): Map<string, number> {
  const counts = new Map<string, number>();
  const groups = new Set<string>();
  for (const { classId, score, group } of objects) {
    if (score !== undefined) continue;
    if (group !== undefined) {
      const key = `${group} ${classId}`;
      if (groups.has(key)) continue;
      groups.add(key);
    }
    counts.set(classId, (counts.get(classId) ?? 0) + 1);
  }
  return counts;
}

/** What the row of a picture says of its labels. */
export function countsOf(objects: readonly LabelObject[]): Pick<Picture, 'objects' | 'classes'> {
  const classes: ClassCounts = [...countClasses(objects)];
  return {
    objects: classes.reduce((sum, [, count]) => sum + count, 0),
    ...(classes.length > 0 && { classes }),
  };
}

/** How many objects each class has in all of these pictures. */
export function totalCounts(pictures: readonly Pick<Picture, 'classes'>[]): Map<string, number> {
  const totals = new Map<string, number>();
  for (const { classes = [] } of pictures) {
    for (const [id, count] of classes) totals.set(id, (totals.get(id) ?? 0) + count);
  }
  return totals;
}
