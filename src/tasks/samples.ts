import type { ClassSample } from '../data/classify/sample.ts';
import type { Sample } from '../data/dataset.ts';

/** Images with labelled objects, or with one class each. */
export type TaskSamples = readonly Sample[] | readonly ClassSample[];

/** Tells whether samples have one class each. Of none this cannot be told. */
export const haveClasses = <C extends Pick<ClassSample, 'label'>>(
  samples: readonly Sample[] | readonly C[],
): samples is readonly C[] => samples.length > 0 && 'label' in samples[0]!;
