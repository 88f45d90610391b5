import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { Picture } from '../../project/model.ts';

/** The pictures that are chosen, of those that are shown. */
export interface Choice {
  readonly ids: ReadonlySignal<ReadonlySet<string>>;
  /** Those of them that are shown, in their order: what is hidden by a filter is not acted on. */
  readonly pictures: ReadonlySignal<readonly Picture[]>;
  has(id: string): boolean;
  toggle(id: string): void;
  /** Chooses all from the picture that was toggled last up to this one. */
  extend(id: string): void;
  all(): void;
  none(): void;
  /** Chooses these and no others. */
  only(ids: Iterable<string>): void;
}

export function useChoice(shown: ReadonlySignal<readonly Picture[]>): Choice {
  const ids = useSignal<ReadonlySet<string>>(new Set());
  const last = useSignal('');
  const pictures = useComputed(() => {
    const chosen = ids.value;
    return chosen.size === 0 ? [] : shown.value.filter(({ id }) => chosen.has(id));
  });
  return useMemo(
    () => ({
      ids,
      pictures,
      has: (id) => ids.value.has(id),
      toggle(id) {
        const next = new Set(ids.peek());
        if (!next.delete(id)) next.add(id);
        ids.value = next;
        last.value = id;
      },
      extend(id) {
        const all = shown.peek().map((picture) => picture.id);
        const to = all.indexOf(id);
        const from = all.indexOf(last.peek());
        const [first, end] = from < 0 ? [to, to] : [Math.min(from, to), Math.max(from, to)];
        ids.value = new Set([...ids.peek(), ...all.slice(first, end + 1)]);
        if (from < 0) last.value = id;
      },
      all() {
        ids.value = new Set(shown.peek().map(({ id }) => id));
      },
      only(wanted) {
        ids.value = new Set(wanted);
      },
      none() {
        ids.value = new Set();
        last.value = '';
      },
    }),
    [],
  );
}
