import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { notify, notifyError } from '../../notices.tsx';
import type { AddingReport } from '../../project/addArrival.ts';
import { chosenFiles, type DroppedFile, droppedFiles } from '../../project/dropped.ts';
import type { Picture } from '../../project/model.ts';
import { pictures, readOnly } from '../../state.ts';
import { strings } from '../../strings.ts';
import { Grid } from './grid.tsx';
import { Tile } from './tile.tsx';

const texts = strings.pictures;

const FILTERS = {
  all: () => true,
  labelled: ({ objects, done }: Picture) => done || objects > 0,
  unlabelled: ({ objects, done }: Picture) => !done && objects === 0,
} as const;
type FilterName = keyof typeof FILTERS;

/** Says what became of what was added. */
function tell({ added, known, unreadable, faults }: AddingReport): void {
  const parts = [texts.added(added), ...(known > 0 ? [texts.known(known)] : [])];
  notify('info', `${parts.join(', ')}.`);
  const [bad] = unreadable;
  if (bad) notify('error', `${texts.unreadable(unreadable.length, bad.name, bad.why)}.`);
  const [fault] = faults;
  if (fault) notify('info', texts.faults(faults.length, fault.message));
}

/** The pictures of the project: adding, finding and choosing them. */
export function Room() {
  const progress = useSignal<{ readonly done: number; readonly all: number } | undefined>(undefined);
  const filter = useSignal<FilterName>('all');
  const abort = useRef<AbortController>();

  const add = async (collect: () => AsyncIterable<DroppedFile> | Iterable<DroppedFile>) => {
    if (progress.value || readOnly.value) return;
    abort.current = new AbortController();
    progress.value = { done: 0, all: 0 };
    try {
      const dropped: DroppedFile[] = [];
      for await (const one of collect()) dropped.push(one);
      // The readers of all formats load with the first pictures.
      const [{ readArrival }, { addArrival }] = await Promise.all([
        import('../../project/arrival.ts'),
        import('../../project/addArrival.ts'),
      ]);
      const arrival = await readArrival(dropped);
      if (arrival.pictures.length === 0) return notify('info', `${texts.nothing}.`);
      const report = (done: number, all: number) => {
        progress.value = { done, all };
      };
      tell(await addArrival(arrival, report, abort.current.signal));
    } catch (error) {
      notifyError(error);
    } finally {
      progress.value = undefined;
    }
  };

  // Anywhere on the page: nobody should have to aim.
  useEffect(() => {
    const over = (event: DragEvent) => event.preventDefault();
    const drop = (event: DragEvent) => {
      event.preventDefault();
      if (event.dataTransfer) void add(droppedFiles(event.dataTransfer));
    };
    addEventListener('dragover', over);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('drop', drop);
    };
  }, []);

  const choose = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement;
    const files = chosenFiles(input.files ?? []);
    input.value = '';
    void add(() => files);
  };
  const shown = pictures.value.filter(FILTERS[filter.value]);
  const busy = progress.value !== undefined;
  const closed = busy || readOnly.value;

  return (
    <div class="pictures">
      <div class="bar">
        <label class="button primary">
          {texts.add}
          <input
            type="file"
            multiple
            accept="image/*,.json,.xml,.txt,.yaml,.yml"
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
          {progress.value
            ? progress.value.all === 0
              ? texts.reading
              : texts.adding(progress.value.done, progress.value.all)
            : texts.count(shown.length)}
        </span>
        {busy && (
          <button type="button" onClick={() => abort.current?.abort()}>
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
    </div>
  );
}
