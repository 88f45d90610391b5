import { type ReadonlySignal, useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { notify, notifyError } from '../../notices.tsx';
import type { AddingReport } from '../../project/addArrival.ts';
import type { DroppedFile } from '../../project/dropped.ts';
import { openProject, readOnly } from '../../state.ts';
import { strings } from '../../strings.ts';
import { ask } from './ask.tsx';

const texts = strings.pictures;

/** Says what became of what was added. */
function tell({ added, known, unreadable, faults }: AddingReport): void {
  const parts = [texts.added(added), ...(known > 0 ? [texts.known(known)] : [])];
  notify('info', `${parts.join(', ')}.`);
  const [bad] = unreadable;
  if (bad) notify('error', `${texts.unreadable(unreadable.length, bad.name, bad.why)}.`);
  const [fault] = faults;
  if (fault) notify('info', texts.faults(faults.length, fault.message));
}

export interface Adding {
  /** What is being done; empty for nothing. */
  readonly doing: ReadonlySignal<string>;
  /** Adds what these are: pictures, data sets, zips of them, or a project. */
  add(collect: () => AsyncIterable<DroppedFile> | Iterable<DroppedFile>): Promise<void>;
  /** Adds a shot of a camera to the others; says nothing where all is well. */
  addShot(shot: File): Promise<void>;
  stop(): void;
}

type Report = (text: string) => void;

/** Offers to open a project file that was dropped among pictures. Whether it was one. */
async function offerProject(files: readonly DroppedFile[], report: Report, signal: AbortSignal) {
  const { isProjectFile, isZip } = await import('../../project/unpack.ts');
  const zips = files.filter(isZip);
  for (const { path, file } of zips) {
    if (!(await isProjectFile(file))) continue;
    if (files.length > 1) notify('info', texts.projectAmong(path));
    else if (await ask({ text: texts.isProject(path), yes: texts.openProject })) {
      const { importFile } = await import('../../project/importFile.ts');
      const made = await importFile(file, (done, all) => report(texts.adding(done, all)), signal);
      await openProject(made);
      notify('info', strings.projects.openedFile(made.name));
    }
    return true;
  }
  return false;
}

/** Adds pictures to the open project, one drop after the other. */
export function useAdding(): Adding {
  const doing = useSignal('');
  const abort = useRef<AbortController>();
  const report: Report = (text) => {
    doing.value = text;
  };

  const work = async (
    collect: () => AsyncIterable<DroppedFile> | Iterable<DroppedFile>,
    signal: AbortSignal,
  ) => {
    let files: DroppedFile[] = [];
    for await (const one of collect()) files.push(one);
    if (files.some(({ path }) => /\.zip$/i.test(path))) {
      if (await offerProject(files, report, signal)) return;
      const { unpackZips } = await import('../../project/unpack.ts');
      files = await unpackZips(files, (count) => report(texts.unpacking(count)), signal);
    }
    // The readers of all formats load with the first pictures.
    const [{ readArrival }, { addArrival }] = await Promise.all([
      import('../../project/arrival.ts'),
      import('../../project/addArrival.ts'),
    ]);
    const arrival = await readArrival(files);
    signal.throwIfAborted();
    if (arrival.pictures.length === 0) return notify('info', `${texts.nothing}.`);
    tell(await addArrival(arrival, (done, all) => report(texts.adding(done, all)), signal));
  };
  const alone = async (act: (signal: AbortSignal) => Promise<void>) => {
    if (doing.value !== '' || readOnly.value) return;
    abort.current = new AbortController();
    const { signal } = abort.current;
    doing.value = texts.reading;
    try {
      await act(signal);
    } catch (error) {
      if (signal.aborted) notify('info', strings.projects.stopped);
      else notifyError(error);
    } finally {
      doing.value = '';
    }
  };
  return {
    doing,
    add: (collect) => alone((signal) => work(collect, signal)),
    addShot: (shot) =>
      alone(async (signal) => {
        const { addArrival } = await import('../../project/addArrival.ts');
        const arrival = { pictures: [{ path: shot.name, file: shot }], classes: [], faults: [], others: 0 };
        const result = await addArrival(arrival, () => undefined, signal);
        if (result.added === 0) tell(result);
      }),
    stop: () => abort.current?.abort(),
  };
}
