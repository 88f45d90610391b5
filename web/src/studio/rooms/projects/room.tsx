import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { notify, notifyError } from '../../notices.tsx';
import { importFile } from '../../project/importFile.ts';
import type { Project } from '../../project/model.ts';
import { fileNameOf, saveFile } from '../../project/saveFile.ts';
import { hrefOf } from '../../router.ts';
import { changeProject, openProject, project, removeProject, saving, theStore } from '../../state.ts';
import { changes } from '../../store/index.ts';
import { exportProject } from '../../store/transfer.ts';
import { strings } from '../../strings.ts';
import { Card, type Listed } from './card.tsx';
import { NameForm } from './nameForm.tsx';
import './projects.css';
import { Storage } from './storage.tsx';

const texts = strings.projects;

/** All projects, with how many pictures each has. */
async function listed(): Promise<Listed[]> {
  const store = await theStore();
  const all = await store.projects();
  return Promise.all(all.map(async (one) => ({ project: one, pictures: await store.countPictures(one.id) })));
}

/** The projects of this browser. */
export function Room() {
  const list = useSignal<readonly Listed[] | undefined>(undefined);
  /** What is being done, if it takes long. */
  const doing = useSignal('');
  const abort = useRef<AbortController>();
  const refresh = async () => {
    list.value = await listed();
  };
  useEffect(() => void refresh().catch(notifyError), [project.value]);
  useEffect(() => changes(undefined, () => void refresh().catch(notifyError)), []);

  /** One thing at a time that takes long. */
  const busily = async (text: string, work: (signal: AbortSignal) => Promise<void>) => {
    if (doing.value !== '') return;
    abort.current = new AbortController();
    const { signal } = abort.current;
    doing.value = text;
    try {
      await work(signal);
    } catch (error) {
      if (signal.aborted) notify('info', texts.stopped);
      else notifyError(error);
    } finally {
      doing.value = '';
      await refresh().catch(notifyError);
    }
  };
  const enter = async (wanted: Project) => {
    await openProject(wanted);
    location.hash = hrefOf('pictures');
  };
  const make = async (name: string) => {
    const made = await saving(async () => (await theStore()).createProject({ name }));
    if (made) await enter(made);
  };
  const actions = {
    open: (wanted: Project) => void enter(wanted).catch(notifyError),
    async change(one: Project, change: Partial<Pick<Project, 'name' | 'task'>>) {
      await changeProject(one.id, change);
      await refresh().catch(notifyError);
    },
    save: (one: Project) =>
      void busily(texts.savingFile(one.name, 0), async (signal) => {
        const store = await theStore();
        const open = async () => {
          for (const { size } of await store.pictures(one.id)) all += size;
          return exportProject(store, one.id);
        };
        let all = 1;
        const onBytes = (bytes: number) => {
          doing.value = texts.savingFile(one.name, Math.min(99, Math.floor((100 * bytes) / all)));
        };
        const saved = await saveFile(fileNameOf(one.name, 'zip'), open, { onBytes, signal });
        if (saved) notify('info', texts.savedFile(one.name));
      }),
    remove: (one: Project) =>
      void busily(strings.saving, async () => {
        await removeProject(one.id);
        notify('info', texts.removed(one.name));
      }),
  };
  const load = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement;
    const file = input.files?.[0];
    input.value = '';
    if (!file) return;
    void busily(texts.openingFile, async (signal) => {
      const onProgress = (done: number, all: number) => {
        doing.value = strings.pictures.adding(done, all);
      };
      const made = await importFile(file, onProgress, signal);
      await openProject(made);
      notify('info', texts.openedFile(made.name));
    });
  };
  const busy = doing.value !== '';
  return (
    <div class="projects">
      <div class="bar">
        <NameForm label={texts.newName} hint={texts.newHint} submit={texts.make} onName={make} />
        <label class="button">
          {texts.openFile}
          <input type="file" accept=".zip,application/zip" disabled={busy} onChange={load} />
        </label>
        <span class="soft" role="status">
          {doing.value}
        </span>
        {busy && (
          <button type="button" onClick={() => abort.current?.abort()}>
            {strings.pictures.stop}
          </button>
        )}
      </div>
      {list.value ? (
        <ul class="cards" aria-label={texts.list}>
          {list.value.map((one) => (
            <Card
              key={one.project.id}
              {...one}
              isOpen={one.project.id === project.value?.id}
              busy={busy}
              actions={actions}
            />
          ))}
        </ul>
      ) : (
        <p>{strings.loading}</p>
      )}
      <Storage stale={list} />
    </div>
  );
}
