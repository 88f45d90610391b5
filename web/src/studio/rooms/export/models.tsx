import { useEffect, useState } from 'preact/hooks';
import { notify, notifyError } from '../../notices.tsx';
import { inExporter, streamFrom } from '../../project/exporter.ts';
import type { Project, SavedModel } from '../../project/model.ts';
import { fileNameOf, saveFile } from '../../project/saveFile.ts';
import { hrefOf } from '../../router.ts';
import { theStore } from '../../state.ts';
import { changes } from '../../store/index.ts';
import { strings } from '../../strings.ts';
import type { Busy } from './busy.ts';

const texts = strings.export;

type Exporter = Parameters<Parameters<typeof inExporter>[0]>[0];
type Stream = ReadableStream<Uint8Array<ArrayBuffer>>;

const stemOf = (file: string): string => file.replace(/\.[a-z0-9]{1,12}$/i, '');
const isOnnx = ({ file }: SavedModel): boolean => /\.onnx$/i.test(file);
/** The library as one file, for pages of models. */
const library = (): string => new URL('./take-away/fovea.js', document.baseURI).href;

/** The models of a project; undefined until they are read. */
function useModels(project: string): readonly SavedModel[] | undefined {
  const [models, setModels] = useState<readonly SavedModel[]>();
  useEffect(() => {
    let left = false;
    const read = async () => {
      const found = await (await theStore()).models.models(project);
      if (!left) setModels(found);
    };
    read().catch(notifyError);
    const end = changes(project, ({ what }) => {
      if (what === 'models') read().catch(notifyError);
    });
    return () => {
      left = true;
      end();
    };
  }, [project]);
  return models;
}

/** A model, and the ways to take it away. */
function Model({ model, busy }: { readonly model: SavedModel; readonly busy: Busy }) {
  const { id, name, file, task, size, metric } = model;
  const save = (title: string, open: (signal: AbortSignal) => Promise<boolean>) =>
    busy.run(texts.savingFile(title), async (signal) => {
      if (await open(signal)) notify('info', texts.saved(title));
    });
  /** Saves what a worker makes. */
  const saveMade = (title: string, make: (api: Exporter) => Promise<Stream>) =>
    save(title, (signal) => inExporter((api) => saveFile(title, () => make(api), { signal }), signal));
  const asStored = () =>
    save(file, (signal) =>
      saveFile(file, async () => (await (await theStore()).models.fileOf(model)).stream() as Stream, {
        signal,
      }),
    );
  const asOnnx = () =>
    saveMade(fileNameOf(stemOf(file), 'onnx'), async (api) => new Blob([await api.onnx(id)]).stream());
  const asPage = () =>
    saveMade(fileNameOf(name, 'zip'), async (api) => streamFrom(await api.pageZip(id, library())));
  const disabled = busy.text.value !== '';
  return (
    <li class="model">
      <h3>{name}</h3>
      <p class="soft">{texts.model(strings.projects.tasks[task], size, metric)}</p>
      <div class="bar">
        <button
          type="button"
          disabled={disabled}
          aria-label={texts.asStoredNamed(file, name)}
          onClick={asStored}
        >
          {texts.asStored(file)}
        </button>
        {!isOnnx(model) && (
          <button type="button" disabled={disabled} aria-label={texts.asOnnxNamed(name)} onClick={asOnnx}>
            {texts.asOnnx}
          </button>
        )}
        <button type="button" disabled={disabled} aria-label={texts.asPageNamed(name)} onClick={asPage}>
          {texts.asPage}
        </button>
      </div>
    </li>
  );
}

/** The models of the project, as files and as a page. */
export function ModelsSection({ project, busy }: { readonly project: Project; readonly busy: Busy }) {
  const models = useModels(project.id);
  return (
    <section class="export-part" aria-labelledby="export-models">
      <h2 id="export-models">{texts.models}</h2>
      <p>{texts.modelsMore}</p>
      {models === undefined && <p>{strings.loading}</p>}
      {models?.length === 0 && (
        <p>
          {texts.noModels} <a href={hrefOf('train')}>{texts.toTrain}</a>
        </p>
      )}
      <ul class="models">
        {models?.map((model) => (
          <Model key={model.id} model={model} busy={busy} />
        ))}
      </ul>
      <p class="soft">{texts.pageMore}</p>
    </section>
  );
}
