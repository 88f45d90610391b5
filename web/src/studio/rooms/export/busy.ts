import { type ReadonlySignal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { notify, notifyError } from '../../notices.tsx';
import { strings } from '../../strings.ts';

const texts = strings.export;

/** One thing at a time that takes long. */
export interface Busy {
  /** What is being done; empty for nothing. */
  readonly text: ReadonlySignal<string>;
  /** Does something, unless something else is being done. What fails is shown. */
  run(text: string, work: (signal: AbortSignal, say: (text: string) => void) => Promise<void>): void;
  stop(): void;
}

/** Stops what is being done when the room is left. */
export function useBusy(): Busy {
  const text = useSignal('');
  const abort = useRef<AbortController>();
  useEffect(() => () => abort.current?.abort(), []);
  return {
    text,
    stop: () => abort.current?.abort(),
    async run(first, work) {
      if (text.value !== '') return;
      abort.current = new AbortController();
      const { signal } = abort.current;
      text.value = first;
      // Progress comes from a worker by another way than the result, and may come after it.
      let over = false;
      try {
        await work(signal, (next) => {
          if (!over) text.value = next;
        });
      } catch (error) {
        if (signal.aborted) notify('info', texts.stopped);
        else notifyError(error);
      } finally {
        over = true;
        text.value = '';
      }
    },
  };
}
