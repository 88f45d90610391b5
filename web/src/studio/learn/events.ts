/** What a training in its worker tells the page. */
import type { EpochRecord, SavedModel, Training } from '../project/model.ts';

/** What a training is at. */
export type Phase = 'opening' | 'reading' | 'compiling' | 'tuning' | 'training' | 'saving';

export interface PhaseEvent {
  readonly kind: 'phase';
  readonly phase: Phase;
  /** Pictures read, or pipelines compiled, and how many there are; undefined where it is not known. */
  readonly done?: number;
  readonly all?: number;
}

/** Steps since the last event of this kind: some at once, as a fast adapter makes hundreds in a second. */
export interface StepsEvent {
  readonly kind: 'steps';
  /** The number of the last one, from 1. */
  readonly step: number;
  readonly losses: readonly number[];
  readonly lr: number;
  readonly imagesPerSecond: number;
}

export interface EpochEvent {
  readonly kind: 'epoch';
  readonly epoch: EpochRecord;
}

/** Pictures by which it is judged, as they are labelled beside what was found, side by side in one image. */
export interface PicturesEvent {
  readonly kind: 'pictures';
  readonly image: Blob;
  readonly step: number;
}

/** The device was lost, and the training goes on with a new one from `step`. */
export interface LostEvent {
  readonly kind: 'lost';
  readonly why: string;
  readonly step: number;
}

/** Something that the visitor should know, and that ends nothing. */
export interface NoteEvent {
  readonly kind: 'note';
  readonly text: string;
}

export type TrainingEvent = PhaseEvent | StepsEvent | EpochEvent | PicturesEvent | LostEvent | NoteEvent;

/** How a run of a training ended. */
export interface RunEnd {
  /** As it is stored now. */
  readonly training: Training;
  /** The model that it has made. */
  readonly model?: SavedModel;
  /** The file of a model that could not be stored, to be saved by the visitor, and why. */
  readonly unsaved?: { readonly file: File; readonly why: string };
}
