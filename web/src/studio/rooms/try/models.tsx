import { useSignal } from '@preact/signals';
import { refreshModels } from '../../learn/projectModels.ts';
import type { SavedModel } from '../../project/model.ts';
import { readOnly, saving, theStore } from '../../state.ts';
import { strings } from '../../strings.ts';
import type { TrySession } from './session.ts';

const texts = strings.try;

/** Renames and removes a model of the project. */
function Change({ model }: { readonly model: SavedModel }) {
  const doing = useSignal<'' | 'rename' | 'remove'>('');
  const name = useSignal('');
  const done = () => {
    doing.value = '';
  };
  const rename = async (event: SubmitEvent) => {
    event.preventDefault();
    const wanted = name.value.trim();
    if (wanted === '') return;
    const store = await theStore();
    await saving(() => store.models.renameModel(model.id, wanted));
    await refreshModels();
    done();
  };
  const remove = async () => {
    const store = await theStore();
    await saving(() => store.models.removeModel(model));
    await refreshModels();
    done();
  };
  if (doing.value === 'rename') {
    return (
      <form class="bar" onSubmit={(event) => void rename(event)}>
        <label class="choice">
          {texts.modelName}{' '}
          <input
            type="text"
            value={name.value}
            maxLength={100}
            onInput={({ currentTarget }) => {
              name.value = currentTarget.value;
            }}
          />
        </label>
        <button type="submit" class="primary">
          {strings.projects.save}
        </button>
        <button type="button" onClick={done}>
          {strings.projects.cancel}
        </button>
      </form>
    );
  }
  if (doing.value === 'remove') {
    return (
      <div class="bar">
        <span>{texts.removeReally(model.name)}</span>
        <button type="button" onClick={() => void remove()}>
          {strings.projects.remove}
        </button>
        <button type="button" onClick={done}>
          {strings.projects.cancel}
        </button>
      </div>
    );
  }
  return (
    <div class="bar">
      <button
        type="button"
        disabled={readOnly.value}
        onClick={() => {
          name.value = model.name;
          doing.value = 'rename';
        }}
      >
        {strings.projects.rename}
      </button>
      <button
        type="button"
        disabled={readOnly.value}
        onClick={() => {
          doing.value = 'remove';
        }}
      >
        {strings.projects.remove}
      </button>
    </div>
  );
}

/** Chooses among the models, and takes files. */
export function Models({ session }: { readonly session: TrySession }) {
  const models = session.models.value;
  const model = session.model.value;
  const bring = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement;
    const [file] = input.files ?? [];
    // Choosing the same file again must count as a change.
    input.value = '';
    if (file) void session.bring(file);
  };
  return (
    <section class="card" aria-labelledby="try-model">
      <h2 id="try-model">{texts.model}</h2>
      {models.length === 0 ? (
        <p>{session.isReady.value ? texts.none : strings.loading}</p>
      ) : (
        <select
          aria-label={texts.which}
          value={model?.id}
          onChange={({ currentTarget }) => session.choose(currentTarget.value)}
        >
          {models.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
      {model && (
        <p class="soft">
          {texts.facts(model.what?.task, model.what?.classNames ?? [], model.size, model.saved?.metric)}
        </p>
      )}
      {model?.saved && <Change key={model.id} model={model.saved} />}
      <div class="bar">
        <label class="button">
          {texts.bring}
          <input type="file" accept=".safetensors,.onnx,.pth,.pt" onChange={bring} />
        </label>
      </div>
      <details>
        <summary>{texts.archMore}</summary>
        <label class="choice">
          {texts.arch}{' '}
          <input
            type="text"
            placeholder={texts.archHint}
            autocomplete="off"
            spellcheck={false}
            value={session.arch.value}
            onInput={({ currentTarget }) => {
              session.arch.value = currentTarget.value;
            }}
          />
        </label>
      </details>
    </section>
  );
}
