import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { chosenFiles, droppedFiles } from '../../project/dropped.ts';
import type { Picture } from '../../project/model.ts';
import { hrefOf } from '../../router.ts';
import { pictures, project, readOnly } from '../../state.ts';
import { strings } from '../../strings.ts';
import { useAdding } from './adding.ts';
import { DISTANCES, type DistanceName, useAlike } from './alike.ts';
import { AlikeBar } from './alikeBar.tsx';
import { Asking } from './ask.tsx';
import { Camera } from './camera.tsx';
import { useChoice } from './choice.ts';
import { ChosenBar, removeChosen } from './chosenBar.tsx';
import { ALL, type Filter, Filters, isShown } from './filters.tsx';
import { Grid } from './grid.tsx';
import './pictures.css';
import { SplitForm } from './splitForm.tsx';
import { Tile } from './tile.tsx';

const texts = strings.pictures;

/** What comes next: the labels, and once there are some for every picture, the training. */
function Onward() {
  const all = pictures.value;
  if (all.length === 0) return null;
  const labelled = all.every(({ objects, done }) => objects > 0 || done);
  return (
    <a class="button primary onward" href={hrefOf(labelled ? 'train' : 'label')}>
      {labelled ? texts.toTraining : texts.toLabels}
    </a>
  );
}

/** The pictures of the project: adding, finding and choosing them. */
export function Room() {
  const { doing, add, addShot, stop } = useAdding();
  const dialog = useSignal<'none' | 'camera' | 'split'>('none');
  const filter = useSignal<Filter>(ALL);
  const distance = useSignal<DistanceName>('near');
  const filtered = useComputed(() => pictures.value.filter(isShown(filter.value)));
  const compared = useComputed(() => (filter.value.labels === 'alike' ? filtered.value : undefined));
  const alike = useAlike(compared, DISTANCES[distance.value]);
  const shown = useComputed(() => (compared.value ? (alike.groups.value ?? []).flat() : filtered.value));
  const choice = useChoice(shown);

  // Anywhere on the page: nobody should have to aim.
  useEffect(() => {
    const drop = (event: DragEvent) => {
      if (event.dataTransfer) void add(droppedFiles(event.dataTransfer));
    };
    addEventListener('drop', drop);
    return () => removeEventListener('drop', drop);
  }, []);
  // Another project has other classes. An effect may run after what the visitor does first: it is not to undo that.
  const of = useRef(project.value?.id);
  useLayoutEffect(() => {
    if (of.current === project.value?.id) return;
    of.current = project.value?.id;
    choice.none();
    filter.value = ALL;
  });

  const choose = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement;
    const files = chosenFiles(input.files ?? []);
    input.value = '';
    void add(() => files);
  };
  const open = (name: typeof dialog.value) => () => {
    dialog.value = name;
  };
  const onKey = (event: KeyboardEvent, { id }: Picture) => {
    const all = event.key === 'a' && (event.ctrlKey || event.metaKey);
    if (all) choice.all();
    else if (event.key === ' ' && event.shiftKey) choice.extend(id);
    else if (event.key === ' ') choice.toggle(id);
    else if (event.key === 'Escape') choice.none();
    else if (event.key === 'Delete' && !readOnly.value) {
      if (choice.pictures.value.length === 0) choice.toggle(id);
      void removeChosen(choice);
    } else return;
    event.preventDefault();
  };
  const busy = doing.value !== '';
  const closed = busy || readOnly.value;
  const chosen = choice.pictures.value;

  return (
    <div class="pictures">
      <div class="bar">
        <label class={`button${pictures.value.length === 0 ? ' primary' : ''}`}>
          {texts.add}
          <input
            type="file"
            multiple
            accept="image/*,.zip,.json,.xml,.txt,.yaml,.yml"
            disabled={closed}
            onChange={choose}
          />
        </label>
        <label class="button">
          {texts.addFolder}
          <input
            type="file"
            disabled={closed}
            onChange={choose}
            ref={(input) => input?.setAttribute('webkitdirectory', '')}
          />
        </label>
        <button type="button" disabled={closed} onClick={open('camera')}>
          {strings.camera.button}
        </button>
        {pictures.value.length > 1 && (
          <button type="button" disabled={closed} onClick={open('split')}>
            {texts.splitRandom}
          </button>
        )}
        <span class="soft" role="status">
          {busy ? doing.value : texts.count(shown.value.length)}
        </span>
        {busy && (
          <button type="button" onClick={stop}>
            {texts.stop}
          </button>
        )}
        <Onward />
      </div>
      {pictures.value.length === 0 && !busy ? (
        <section class="empty">
          <h2>{texts.none}</h2>
          <p>{strings.lead}</p>
          <ol class="steps">
            {texts.steps.map(([what, how]) => (
              <li key={what}>
                <strong>{what}</strong>: {how}
              </li>
            ))}
          </ol>
          <p class="soft">{texts.noneMore}</p>
        </section>
      ) : (
        <>
          {chosen.length > 0 ? (
            <ChosenBar choice={choice} closed={closed} />
          ) : (
            <div class="bar">
              <Filters filter={filter} classes={project.value?.classes ?? []} />
              {compared.value && <AlikeBar alike={alike} distance={distance} choice={choice} />}
            </div>
          )}
          <Grid
            label={texts.grid}
            items={shown.value}
            keyOf={({ id }) => id}
            render={(picture, side, tabIndex) => (
              <Tile
                picture={picture}
                side={side}
                tabIndex={tabIndex}
                choice={choice}
                groupOf={alike.groupOf}
              />
            )}
            onExtend={(from, to) => {
              if (chosen.length === 0) choice.toggle(from.id);
              choice.extend(to.id);
            }}
            onKey={onKey}
          />
        </>
      )}
      <Asking />
      {dialog.value === 'camera' && <Camera busy={busy} onShot={addShot} onClose={open('none')} />}
      {dialog.value === 'split' && <SplitForm pictures={pictures.value} onClose={open('none')} />}
    </div>
  );
}
