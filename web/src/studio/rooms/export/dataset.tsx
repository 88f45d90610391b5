import { useEffect, useState } from 'preact/hooks';
import { notify } from '../../notices.tsx';
import {
  chosen,
  DATASET_FORMATS,
  type DatasetChoice,
  type DatasetCounts,
  type ExportFormat,
  splitsOf,
} from '../../project/dataset.ts';
import { inExporter, proxy, streamFrom } from '../../project/exporter.ts';
import type { Project } from '../../project/model.ts';
import { fileNameOf, saveFile } from '../../project/saveFile.ts';
import { pictures } from '../../state.ts';
import { strings } from '../../strings.ts';
import type { Busy } from './busy.ts';

const texts = strings.export;

const WHICH = ['labelled', 'done', 'all'] as const satisfies readonly DatasetChoice['which'][];

type Looked =
  | { readonly state: 'looking'; readonly done: number }
  | { readonly state: 'seen'; readonly counts: DatasetCounts }
  | { readonly state: 'failed'; readonly why: string };

/** What a data set would have: found out in a worker, anew when the choice or the pictures change. */
function useLook(project: string, choice: DatasetChoice): Looked {
  const [looked, setLooked] = useState<Looked>({ state: 'looking', done: 0 });
  const { format, which } = choice;
  const all = pictures.value;
  useEffect(() => {
    const abort = new AbortController();
    // Progress comes by another way than the result, and may come after it.
    let over = false;
    const set = (next: Looked) => {
      if (abort.signal.aborted || over) return;
      over = next.state !== 'looking';
      setLooked(next);
    };
    set({ state: 'looking', done: 0 });
    const onProgress = proxy((done: number) => set({ state: 'looking', done }));
    // Labels alone: the format says nothing about the pictures themselves.
    const look = { format, which, images: false };
    inExporter((api) => api.lookAtDataset(project, look, onProgress), abort.signal).then(
      (counts) => set({ state: 'seen', counts }),
      (error: unknown) => set({ state: 'failed', why: (error as Error)?.message }),
    );
    return () => abort.abort();
  }, [project, format, which, all]);
  return looked;
}

/** What a data set would have, and what of the labels its format cannot hold. */
function Contents({ looked, format, parts }: { looked: Looked; format: ExportFormat; parts: string }) {
  if (looked.state === 'looking') return <p class="soft">{texts.looking(looked.done)}</p>;
  if (looked.state === 'failed') return <p class="fault">{looked.why}</p>;
  const { counts } = looked;
  const { title } = texts.formats[format];
  const lost = [
    ...(['points', 'proposals', 'classless'] as const).map(
      (what) => [texts.lost[what], counts[what]] as const,
    ),
    ...counts.warnings,
  ].filter(([, n]) => n > 0);
  return (
    <>
      <p>{texts.contents(counts.pictures, counts.objects, parts)}</p>
      {counts.unlabelled > 0 && <p>{texts.unlabelled(counts.unlabelled)}</p>}
      {lost.length > 0 && (
        <>
          <p>{texts.notHeld(title)}</p>
          <ul>
            {lost.map(([what, n]) => (
              <li key={what}>{texts.counted(what, n)}</li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

/** The pictures and labels in a format of other programs. */
export function DatasetSection({ project, busy }: { readonly project: Project; readonly busy: Busy }) {
  const [choice, setChoice] = useState<DatasetChoice>({
    ...{ format: project.task === 'classify' ? 'folders' : 'coco', which: 'labelled', images: true },
  });
  const change = (next: Partial<DatasetChoice>) => setChoice({ ...choice, ...next });
  const { format, which, images } = choice;
  const looked = useLook(project.id, choice);
  const wanted = chosen(pictures.value, choice);
  const splits = splitsOf(wanted);
  const parts = splits.length > 1 ? splits.join(', ') : '';
  const withImages = images || format === 'folders';
  const save = () =>
    busy.run(texts.saving(0, wanted.length), async (signal, say) => {
      const onProgress = proxy((done: number, all: number) => say(texts.saving(done, all)));
      const name = fileNameOf(`${project.name} ${texts.formats[format].title}`, 'zip');
      const saved = await inExporter(
        (api) =>
          saveFile(
            name,
            async () =>
              streamFrom(await api.datasetZip(project.id, { ...choice, images: withImages }, onProgress)),
            { signal },
          ),
        signal,
      );
      if (saved) notify('info', texts.saved(name));
    });
  const formats = DATASET_FORMATS.filter((one) => one !== 'folders' || project.task === 'classify');
  return (
    <section class="export-part" aria-labelledby="export-data">
      <h2 id="export-data">{texts.dataset}</h2>
      <p>{texts.datasetMore}</p>
      <fieldset class="formats">
        <legend>{texts.format}</legend>
        {formats.map((one) => (
          <label key={one} class="format">
            <input
              type="radio"
              name="format"
              value={one}
              checked={format === one}
              onChange={() => change({ format: one })}
            />
            <span>
              <strong>{texts.formats[one].title}</strong>{' '}
              <small class="soft">{texts.formats[one].more}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <div class="bar">
        <label>
          {texts.which}{' '}
          <select
            value={which}
            onChange={({ currentTarget }) => change({ which: currentTarget.value as DatasetChoice['which'] })}
          >
            {WHICH.map((one) => (
              <option key={one} value={one}>
                {texts.whiches[one](chosen(pictures.value, { which: one }).length)}
              </option>
            ))}
          </select>
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={withImages}
            disabled={format === 'folders'}
            onChange={({ currentTarget }) => change({ images: currentTarget.checked })}
          />
          {texts.images}
        </label>
      </div>
      <div class="contents" role="status">
        {wanted.length === 0 ? (
          <p>{texts.none}</p>
        ) : (
          <Contents looked={looked} format={format} parts={parts} />
        )}
      </div>
      <button
        type="button"
        class="primary"
        disabled={wanted.length === 0 || busy.text.value !== '' || looked.state === 'failed'}
        onClick={save}
      >
        {texts.save}
      </button>
    </section>
  );
}
