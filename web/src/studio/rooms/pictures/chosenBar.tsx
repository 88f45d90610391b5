import type { Split } from '../../project/model.ts';
import { changePictures, removePictures } from '../../state.ts';
import { strings } from '../../strings.ts';
import { ask } from './ask.tsx';
import type { Choice } from './choice.ts';

const texts = strings.pictures;
const SPLITS = Object.keys(texts.splits) as Split[];

/** Asks before it removes the chosen pictures: it cannot be undone. */
export async function removeChosen(choice: Choice): Promise<void> {
  const chosen = choice.pictures.value;
  if (chosen.length === 0) return;
  const objects = chosen.reduce((sum, one) => sum + one.objects, 0);
  const text = texts.removeReally(texts.count(chosen.length), texts.objects(objects));
  if (!(await ask({ text, yes: texts.remove, danger: true }))) return;
  choice.none();
  await removePictures(chosen.map(({ id }) => id));
}

/** What can be done with the chosen pictures. */
export function ChosenBar({ choice, closed }: { readonly choice: Choice; readonly closed: boolean }) {
  const chosen = choice.pictures.value;
  const done = (value: boolean) =>
    void changePictures(chosen.filter((one) => one.done !== value).map(({ id }) => ({ id, done: value })));
  return (
    <fieldset class="bar chosen" disabled={closed}>
      <legend class="unseen">{texts.chosen(chosen.length)}</legend>
      <span role="status">{texts.chosen(chosen.length)}</span>
      <select
        aria-label={texts.setSplit}
        value=""
        onChange={({ currentTarget }) => {
          const split = currentTarget.value as Split;
          currentTarget.value = '';
          void changePictures(chosen.map(({ id }) => ({ id, split })));
        }}
      >
        <option value="">{texts.setSplit}</option>
        {SPLITS.map((split) => (
          <option key={split} value={split}>
            {texts.splits[split]}
          </option>
        ))}
      </select>
      <button type="button" onClick={() => done(true)}>
        {texts.markDone}
      </button>
      <button type="button" onClick={() => done(false)}>
        {texts.markNotDone}
      </button>
      <button type="button" onClick={() => void removeChosen(choice)}>
        {texts.removeChosen}
      </button>
      <button type="button" onClick={() => choice.all()}>
        {texts.chooseAll}
      </button>
      <button type="button" onClick={() => choice.none()}>
        {texts.chooseNone}
      </button>
    </fieldset>
  );
}
