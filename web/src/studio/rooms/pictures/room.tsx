import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { chosenFiles, droppedFiles } from '../../project/dropped.ts';
import type { Picture } from '../../project/model.ts';
import { pictures, readOnly } from '../../state.ts';
import { strings } from '../../strings.ts';
import { useAdding } from './adding.ts';
import { Asking } from './ask.tsx';
import { Camera } from './camera.tsx';
import { Grid } from './grid.tsx';
import './pictures.css';
import { Tile } from './tile.tsx';

const texts = strings.pictures;

const FILTERS = {
  all: () => true,
  labelled: ({ objects, done }: Picture) => done || objects > 0,
  unlabelled: ({ objects, done }: Picture) => !done && objects === 0,
} as const;
type FilterName = keyof typeof FILTERS;

/** The pictures of the project: adding, finding and choosing them. */
export function Room() {
  const { doing, add, addShot, stop } = useAdding();
  const camera = useSignal(false);
  const filter = useSignal<FilterName>('all');

  // Anywhere on the page: nobody should have to aim.
  useEffect(() => {
    const drop = (event: DragEvent) => {
      if (event.dataTransfer) void add(droppedFiles(event.dataTransfer));
    };
    addEventListener('drop', drop);
    return () => removeEventListener('drop', drop);
  }, []);

  const choose = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement;
    const files = chosenFiles(input.files ?? []);
    input.value = '';
    void add(() => files);
  };
  const shown = pictures.value.filter(FILTERS[filter.value]);
  const busy = doing.value !== '';
  const closed = busy || readOnly.value;

  return (
    <div class="pictures">
      <div class="bar">
        <label class="button primary">
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
        <button
          type="button"
          disabled={closed}
          onClick={() => {
            camera.value = true;
          }}
        >
          {strings.camera.button}
        </button>
        <label class="choice">
          {texts.filter}{' '}
          <select
            value={filter.value}
            onChange={(event) => {
              filter.value = event.currentTarget.value as FilterName;
            }}
          >
            {Object.keys(FILTERS).map((name) => (
              <option key={name} value={name}>
                {texts.filters[name as FilterName]}
              </option>
            ))}
          </select>
        </label>
        <span class="soft" role="status">
          {busy ? doing.value : texts.count(shown.length)}
        </span>
        {busy && (
          <button type="button" onClick={stop}>
            {texts.stop}
          </button>
        )}
      </div>
      {pictures.value.length === 0 && !busy ? (
        <section class="empty">
          <h2>{texts.none}</h2>
          <p>{texts.noneMore}</p>
        </section>
      ) : (
        <Grid
          label={texts.grid}
          items={shown}
          keyOf={({ id }) => id}
          render={(picture, side) => <Tile picture={picture} side={side} />}
        />
      )}
      <Asking />
      {camera.value && (
        <Camera
          busy={busy}
          onShot={addShot}
          onClose={() => {
            camera.value = false;
          }}
        />
      )}
    </div>
  );
}
