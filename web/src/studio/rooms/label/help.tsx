import type { RefObject } from 'preact';
import { strings } from '../../strings.ts';

const texts = strings.label.keys;

/** The keys, in a dialog. */
export const Help = ({ dialog }: { readonly dialog: RefObject<HTMLDialogElement> }) => (
  <dialog ref={dialog} class="label-help" aria-label={texts.title}>
    <form method="dialog">
      <h2>{texts.title}</h2>
      <button type="submit" class="plain" aria-label={strings.close}>
        ×
      </button>
    </form>
    <dl>
      {texts.rows.map(([keys, does]) => (
        <div key={keys}>
          <dt>{keys}</dt>
          <dd>{does}</dd>
        </div>
      ))}
    </dl>
  </dialog>
);
