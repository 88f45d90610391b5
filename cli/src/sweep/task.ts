import type { Config } from '../config.ts';
import { RESULTS, TRIALS } from './state.ts';

/** A training of a sweep: until which step, and by which settings. */
export interface TrainingTask {
  readonly sweep: string;
  /** The place of the sweep. */
  readonly out: string;
  readonly trial: number;
  /** From 1; 0 where there are none. */
  readonly fold: number;
  readonly until: number;
  /** Options as a file of `--config` has them. */
  readonly options: Config;
  /** The metric that trials are compared by. Default: that of the task. */
  readonly metric?: string | undefined;
  /** Paths of options that are not absolute begin here. */
  readonly folder: string;
}

/** Where the files of a training are, below the place of its sweep. */
export const trainingFolder = ({ trial, fold }: Pick<TrainingTask, 'trial' | 'fold'>): string =>
  `${TRIALS}/${String(trial).padStart(3, '0')}${fold === 0 ? '' : `/fold-${fold}`}`;

/** The result of a training, below the place of parts. */
export const resultName = ({ trial, fold, until }: Pick<TrainingTask, 'trial' | 'fold' | 'until'>): string =>
  `${RESULTS}/${trial}-${fold}-${until}.json`;
