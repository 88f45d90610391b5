import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { strings } from '../../strings.ts';

interface Question {
  readonly text: string;
  /** What the button says that agrees. */
  readonly yes: string;
  /** What is agreed to cannot be undone. */
  readonly danger?: boolean;
}

const question = signal<(Question & { answer(yes: boolean): void }) | undefined>(undefined);

/** Asks, and resolves with whether the visitor agrees. One question is asked at a time: one more takes the place of the one before. */
export const ask = (asked: Question): Promise<boolean> =>
  new Promise((answer) => {
    question.value?.answer(false);
    question.value = { ...asked, answer };
  });

/** Where `ask` asks. */
export function Asking() {
  const dialog = useRef<HTMLDialogElement>(null);
  const asked = question.value;
  useEffect(() => {
    if (asked) dialog.current?.showModal();
  }, [asked]);
  useEffect(() => () => answer(false), []);
  const answer = (yes: boolean) => {
    question.peek()?.answer(yes);
    question.value = undefined;
  };
  if (!asked) return null;
  return (
    <dialog ref={dialog} class="ask" aria-labelledby="asked" onClose={() => answer(false)}>
      <p id="asked">{asked.text}</p>
      <div class="bar">
        <button type="button" class={asked.danger ? 'danger' : 'primary'} onClick={() => answer(true)}>
          {asked.yes}
        </button>
        <button type="button" onClick={() => answer(false)}>
          {strings.projects.cancel}
        </button>
      </div>
    </dialog>
  );
}
