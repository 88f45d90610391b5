/** What has happened to a training, in messages that say what the visitor can do in the studio. */
import { DataError, type TrainOptions } from 'fovea';
import type { Picture, Training } from '../project/model.ts';
import { taught } from './recipes.ts';
import type { LabelledPicture } from './samples.ts';

/** The labels of a training as they are now. */
export interface Now {
  readonly learned: readonly LabelledPicture[];
  readonly judged: readonly LabelledPicture[];
  /** The pictures of the project by their ids. */
  readonly known: ReadonlyMap<string, Picture>;
}

const NEW = 'remove this training and begin a new one';
const listed = (names: readonly string[]): string =>
  names.length > 8 ? `${names.slice(0, 8).join(', ')} and ${names.length - 8} more` : names.join(', ');

/**
 * Expects pictures and classes to be those with which a training began.
 *
 * @param begun Whether there is a checkpoint: without one, a training begins with what is left.
 * @throws DataError where they are not, which says what to do.
 */
export function expectUnchanged(
  { name, train, valid, task, settings }: Training,
  { learned, judged, known }: Now,
  begun: boolean,
): void {
  const refuse = (what: string, before = ''): never => {
    const keep = begun ? 'keep the best so far, or ' : '';
    throw new DataError(`${name}: ${what}; ${before}${keep}${NEW}`);
  };
  if (learned.length === 0)
    refuse('the pictures that it learns from were deleted, or have no class any more');
  const ids = [...new Set([...train, ...valid])];
  const gone = ids.filter((id) => !known.has(id)).length;
  if (begun && gone > 0) refuse(`${gone} of its ${ids.length} pictures were deleted since it began`);
  const labelled = new Set([...learned, ...judged].map(({ picture }) => picture.id)).size;
  if (begun && task === 'classify' && labelled < ids.length) {
    refuse(
      `${ids.length - labelled} of its pictures have no class any more, or several`,
      'label them as before, ',
    );
  }
  const names = new Set(
    learned.flatMap((one) =>
      one.label === undefined ? taught(one, settings.model).shapes.map(({ label }) => label) : [one.label],
    ),
  );
  const other = [...names].filter((one) => !settings.classNames.includes(one));
  if (other.length > 0) {
    refuse(
      `its pictures now have objects of ${listed(other)}, and it learns ${listed(settings.classNames)}`,
      'name the classes as before, ',
    );
  }
}

/** What to do where losses are no numbers any more. */
export const divergedAdvice =
  (lr: number): NonNullable<TrainOptions['advice']> =>
  (_step, items, isKept) => {
    const kept = isKept ? 'keep the best so far, or ' : '';
    return `the training ends; ${kept}${NEW} with a learning rate below ${lr}, under More settings, or check the labels of ${items}`;
  };
