import { useEffect, useRef } from 'preact/hooks';
import { notify, notifyError } from '../../notices.tsx';
import type { Picture } from '../../project/model.ts';
import { changePictures } from '../../state.ts';
import { strings } from '../../strings.ts';

const texts = strings.pictures;

/** Per cent, as it is asked for; what is trained on is never nothing. */
const DEFAULTS = { valid: 20, test: 0 } as const;
const MOST = 90;

interface SplitFormProps {
  readonly pictures: readonly Picture[];
  onClose(): void;
}

/** Asks for shares, and splits pictures at random. */
export function SplitForm({ pictures, onClose }: SplitFormProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const split = async (valid: number, test: number, together: boolean) => {
    const { AllAlike, splitAtRandom } = await import('../../project/splitting.ts');
    const shares = { valid: valid / 100, test: test / 100 };
    try {
      const parts = await splitAtRandom(pictures, { ...shares, together, seed: crypto.randomUUID() });
      await changePictures(pictures.map(({ id }, i) => ({ id, split: parts[i]! })));
      const count = (part: string) => parts.filter((one) => one === part).length;
      notify('info', texts.splitDone(count('train'), count('valid'), count('test')));
    } catch (error) {
      if (error instanceof AllAlike) notify('error', texts.allAlike);
      else notifyError(error);
    }
  };
  const onSubmit = (event: SubmitEvent & { readonly currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const input = (name: string) => event.currentTarget.elements.namedItem(name) as HTMLInputElement;
    const [valid, test] = [input('valid').valueAsNumber, input('test').valueAsNumber];
    input('test').setCustomValidity(valid + test > MOST || valid + test === 0 ? texts.sharesBad(MOST) : '');
    if (!event.currentTarget.reportValidity()) return;
    dialog.current?.close();
    split(valid, test, input('together').checked).catch(notifyError);
  };
  const share = (name: keyof typeof DEFAULTS) => (
    <label class="choice">
      {texts.splits[name]}{' '}
      <input
        name={name}
        type="number"
        min={0}
        max={MOST}
        step="any"
        required
        defaultValue={String(DEFAULTS[name])}
        onInput={({ currentTarget: { form } }) =>
          (form?.elements.namedItem('test') as HTMLInputElement).setCustomValidity('')
        }
      />{' '}
      %
    </label>
  );
  return (
    <dialog ref={dialog} aria-labelledby="split-title" onClose={onClose}>
      <h2 id="split-title">{texts.splitTitle(texts.count(pictures.length))}</h2>
      <p>{texts.splitHint}</p>
      <form noValidate onSubmit={onSubmit}>
        <div class="bar">
          {share('valid')}
          {share('test')}
        </div>
        <label class="choice">
          <input name="together" type="checkbox" defaultChecked /> {texts.together}
        </label>
        <div class="bar">
          <button type="submit" class="primary">
            {texts.splitNow}
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            {strings.projects.cancel}
          </button>
        </div>
      </form>
    </dialog>
  );
}
