/** Models that can be tried: those of the project, what the server offers, and files that are not stored. */

import { idOf, type ModelSource } from '../../learn/modelShelf.ts';
import type { ModelDescription } from '../../learn/models.ts';
import type { SavedModel } from '../../project/model.ts';
import { strings } from '../../strings.ts';

export interface Candidate {
  readonly id: string;
  readonly name: string;
  readonly source: ModelSource;
  /** What it is; undefined for what the server offers and nobody has fetched. */
  readonly what?: Pick<SavedModel, 'task' | 'classNames'>;
  /** Bytes of its file. */
  readonly size: number;
  /** Of models of the project. */
  readonly saved?: SavedModel;
}

export const ofProject = (saved: SavedModel): Candidate => ({
  ...{ id: saved.id, name: saved.name, source: saved.id, what: saved, size: saved.size, saved },
});

/** A file, under the name that it has. */
export const ofFile = (
  source: Exclude<ModelSource, string>,
  { task, classNames }: ModelDescription,
): Candidate => ({
  ...{ id: idOf(source), name: source.file.name, source, size: source.file.size },
  what: { task, classNames },
});

/** The name of the file that the page's own server may offer: `npm run web -- WEIGHTS`. */
const OFFERED = 'model.safetensors';

/** How large the model is that the server offers; undefined where it offers none. */
export async function offeredSize(): Promise<number | undefined> {
  const answer = await fetch(OFFERED, { method: 'HEAD' }).catch(() => undefined);
  // Some servers answer what they do not have with their first page.
  if (!answer?.ok || answer.headers.get('content-type')?.startsWith('text/')) return undefined;
  return Number(answer.headers.get('content-length') ?? 0);
}

/** Fetches the model that the server offers. */
export async function fetchOffered(): Promise<Exclude<ModelSource, string>> {
  const answer = await fetch(OFFERED);
  if (!answer.ok) throw new Error(strings.try.notOffered(OFFERED, answer.status));
  return { id: OFFERED, file: new File([await answer.blob()], OFFERED) };
}

export const offered = (size: number): Candidate => ({
  ...{ id: OFFERED, name: strings.try.fromServer(OFFERED), size },
  source: OFFERED,
});

/** Whether it must be fetched before it is tried. */
export const isOffer = ({ id, source }: Candidate): boolean => id === OFFERED && source === OFFERED;

/** Files that are models, by their names. */
export const isModelFile = ({ name }: File): boolean => /\.(?:safetensors|onnx|pth|pt)$/i.test(name);
/** Files that may not tell their architecture. */
export const isTorchFile = ({ name }: File): boolean => /\.(?:pth|pt)$/i.test(name);
