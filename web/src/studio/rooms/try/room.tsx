import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { followModels, projectModels } from '../../learn/projectModels.ts';
import { NoGpu } from '../../noGpu.tsx';
import { notify, notifyError } from '../../notices.tsx';
import type { Picture } from '../../project/model.ts';
import { hrefOf, route } from '../../router.ts';
import { pictures, project, readOnly } from '../../state.ts';
import { strings } from '../../strings.ts';
import { isModelFile } from './candidates.ts';
import { numbered } from './draw.ts';
import { Models } from './models.tsx';
import { type Moving, Player } from './moving.tsx';
import { Results } from './results.tsx';
import { LEAST, TrySession } from './session.ts';
import './try.css';
import { useFound, View } from './view.tsx';

const texts = strings.try;

const isVideo = ({ type, name }: File): boolean =>
  type.startsWith('video/') || /\.(?:mp4|m4v|webm|mov|mkv|ogv)$/i.test(name);

interface SliderProps {
  readonly label: string;
  readonly value: Signal<number>;
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

const Slider = ({ label, value, ...range }: SliderProps) => (
  <label class="try-slider">
    {label} <span aria-hidden="true">{value.value.toFixed(2)}</span>
    <input
      {...range}
      type="range"
      value={value.value}
      onInput={({ currentTarget }) => {
        value.value = currentTarget.valueAsNumber;
      }}
    />
  </label>
);

/** Thresholds that hide, and how strongly masks are drawn. */
function Sliders({ session }: { readonly session: TrySession }) {
  const found = session.found.value;
  const hasMasks =
    found?.task === 'segment' || (found?.task === 'detect' && found.detections.some(({ mask }) => mask));
  const isCut = !found || found.task === 'detect';
  return (
    <>
      {isCut && (
        <Slider label={texts.threshold} value={session.threshold} min={LEAST} max={0.95} step={0.01} />
      )}
      {hasMasks && <Slider label={texts.opacity} value={session.opacity} min={0} max={1} step={0.05} />}
    </>
  );
}

/** What was found, to files and labels. */
function Keep({ session }: { readonly session: TrySession }) {
  const { colorOf } = useFound(session);
  const { task } = session.found.value ?? {};
  if (!task || !session.shown.value) return null;
  // What writes loads with its first use: by then a video may show another frame.
  const now = () => {
    const [shown, found] = [session.shown.peek(), session.found.peek()];
    if (!shown || !found) return undefined;
    const threshold = found.task === 'detect' ? session.threshold.peek() : 0;
    return { shown, found, threshold };
  };
  const save = async (kind: 'picture' | 'labelme' | 'coco') => {
    try {
      const [files, { download }] = await Promise.all([
        import('./save.ts'),
        import('../../project/saveFile.ts'),
      ]);
      const names = session.model.peek()?.what?.classNames ?? [];
      const kept = now();
      if (!kept) return;
      const { shown, found, threshold } = kept;
      const visible = numbered(found, colorOf).filter(({ score }) => score >= threshold);
      const { name, content } =
        kind === 'picture'
          ? await files.pictureFile(shown, found, visible, colorOf)
          : kind === 'labelme'
            ? files.labelmeFile(shown, found, threshold)
            : await files.cocoFile(shown, found, threshold, names);
      download(name, content);
    } catch (error) {
      notifyError(error);
    }
  };
  const take = async () => {
    try {
      const { takeAsLabels } = await import('./labels.ts');
      const kept = now();
      const taken = kept && (await takeAsLabels(kept.shown, kept.found, kept.threshold));
      if (taken) notify('info', texts.taken(taken.added, taken.picture.name));
    } catch (error) {
      notifyError(error);
    }
  };
  return (
    <section class="card" aria-labelledby="try-keep">
      <h2 id="try-keep">{texts.keep}</h2>
      <div class="bar">
        <button type="button" class="primary" disabled={readOnly.value} onClick={() => void take()}>
          {texts.take}
        </button>
        <button type="button" onClick={() => void save('picture')}>
          {texts.savePicture}
        </button>
        {task !== 'classify' && (
          <>
            <button type="button" onClick={() => void save('labelme')}>
              {texts.saveLabelme}
            </button>
            <button type="button" onClick={() => void save('coco')}>
              {texts.saveCoco}
            </button>
          </>
        )}
      </div>
    </section>
  );
}

function Trying() {
  const session = useMemo(() => new TrySession(), []);
  const moving = useSignal<Moving | undefined>(undefined);
  useEffect(() => {
    followModels();
    return () => session.close();
  }, [session]);

  const all = pictures.value;
  const { item } = route.value;
  const at = all.findIndex(({ id }) => id === item);
  const picture = all[at];
  const model = session.model.value;
  // An address may name a model. It looks at the first picture, as does a model that is there when the room is entered.
  const isRead = projectModels.value !== undefined;
  const isEntered = useRef(false);
  useEffect(() => {
    const own = projectModels.peek();
    // They may have been forgotten since they were read: another project was opened.
    if (!own) return;
    const isNamed = own.some(({ id }) => id === item);
    if (isNamed) session.choose(item);
    const isFirst = !isEntered.current && item === '' && own.length > 0;
    isEntered.current = true;
    const [first] = all;
    if (!first || !(isNamed || isFirst)) return;
    history.replaceState(null, '', hrefOf('try', first.id));
    route.value = { room: 'try', item: first.id };
  }, [isRead, item]);
  const show = (one: Picture) => {
    moving.value = undefined;
    void session.showPicture(one);
  };
  useEffect(() => {
    if (picture) show(picture);
  }, [picture?.id]);
  // Another model looks at the same picture; a video goes on with it.
  useEffect(() => {
    if (model && !moving.value) void session.predict();
  }, [model?.id]);

  const leavePicture = () => {
    isEntered.current = true;
    if (item !== '') history.replaceState(null, '', hrefOf('try'));
    route.value = { room: 'try', item: '' };
  };
  const take = (file: File) => {
    if (isModelFile(file)) {
      void session.bring(file);
      return;
    }
    leavePicture();
    if (isVideo(file)) moving.value = { kind: 'video', file };
    else {
      moving.value = undefined;
      void session.showFile(file);
    }
  };
  useEffect(() => {
    // On all of the page: a file dropped beside the picture would otherwise replace the page.
    const over = (event: DragEvent) => event.preventDefault();
    const drop = (event: DragEvent) => {
      event.preventDefault();
      for (const file of event.dataTransfer?.files ?? []) take(file);
    };
    addEventListener('dragover', over);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('drop', drop);
    };
  });

  const choose = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement;
    const [file] = input.files ?? [];
    input.value = '';
    if (file) take(file);
  };
  const step = (by: number): string | undefined => {
    const next = at < 0 ? all[by > 0 ? 0 : all.length - 1] : all[at + by];
    return next && hrefOf('try', next.id);
  };
  const adapter = session.adapter.value;
  const found = session.found.value;
  return (
    <div class="try">
      <div class="bar">
        <a class="button" aria-disabled={step(-1) === undefined} href={step(-1)}>
          {texts.back}
        </a>
        <a class="button" aria-disabled={step(1) === undefined} href={step(1)}>
          {texts.on}
        </a>
        <label class="button">
          {texts.file}
          <input type="file" accept="image/*,video/*" onChange={choose} />
        </label>
        <button
          type="button"
          onClick={() => {
            leavePicture();
            moving.value = { kind: 'camera' };
          }}
        >
          {texts.camera}
        </button>
        <span class="soft where" title={picture?.name}>
          {picture ? strings.labelRoom.place(at + 1, all.length) : texts.count(all.length)}
        </span>
      </div>
      <NoGpu />
      {session.error.value !== '' && (
        <p class="note error" role="alert">
          {session.error.value}
        </p>
      )}
      <div class="try-parts">
        <div class="try-stage">
          {moving.value && (
            <Player
              key={moving.value}
              session={session}
              moving={moving.value}
              onClose={() => {
                moving.value = undefined;
              }}
            />
          )}
          {session.shown.value ? (
            <View session={session} />
          ) : (
            !moving.value && (
              <section class="empty">
                <h2>{texts.nothing}</h2>
                <p>{texts.nothingMore}</p>
              </section>
            )
          )}
        </div>
        <div class="try-side">
          <Models session={session} />
          <section class="card" aria-labelledby="try-found">
            <h2 id="try-found">{texts.found}</h2>
            <p class="soft" role="status">
              {session.busy.value !== ''
                ? session.busy.value
                : found && adapter
                  ? texts.spent(found.spent, adapter.name, adapter.software)
                  : ''}
            </p>
            <Sliders session={session} />
            <Results session={session} />
          </section>
          <Keep session={session} />
        </div>
      </div>
    </div>
  );
}

/** Runs a model on pictures, videos and the camera. */
export const Room = () => (project.value ? <Trying /> : <p>{strings.loading}</p>);
