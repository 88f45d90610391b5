import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { notifyError } from '../../notices.tsx';
import type { Picture } from '../../project/model.ts';

/** Bits of 64 in which pictures of a group may differ. */
export const DISTANCES = { same: 0, near: 4, far: 10 } as const;
export type DistanceName = keyof typeof DISTANCES;

/** Groups of pictures that look alike, as long as they are asked for. */
export interface Alike {
  /** Undefined while they are not known. */
  readonly groups: ReadonlySignal<readonly (readonly Picture[])[] | undefined>;
  /** The number of a picture's group, from 1. */
  readonly groupOf: ReadonlySignal<ReadonlyMap<string, number>>;
}

/** The groups of some pictures; undefined where they are not asked for. */
export function useAlike(of: ReadonlySignal<readonly Picture[] | undefined>, distance: number): Alike {
  const found = useSignal<readonly (readonly string[])[] | undefined>(undefined);
  useEffect(() => {
    const pictures = of.value;
    found.value = undefined;
    if (!pictures) return;
    let left = false;
    import('../../project/duplicates.ts')
      .then(({ nearDuplicates }) => nearDuplicates(pictures, distance))
      .then((groups) => {
        if (!left) found.value = groups.map((group) => group.map(({ id }) => id));
      })
      .catch(notifyError);
    return () => {
      left = true;
    };
  }, [of.value, distance]);
  const groups = useComputed(() => {
    const known = new Map(of.value?.map((picture) => [picture.id, picture]));
    return found.value?.flatMap((ids) => {
      const group = ids.flatMap((id) => known.get(id) ?? []);
      return group.length > 1 ? [group] : [];
    });
  });
  const groupOf = useComputed(
    () => new Map(groups.value?.flatMap((group, i) => group.map(({ id }) => [id, i + 1] as const))),
  );
  return { groups, groupOf };
}
