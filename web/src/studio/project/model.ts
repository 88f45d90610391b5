/**
 * What a project holds. Positions are in pixels of the picture at its full size, as in `fovea/data`: pixel (i, j) covers
 * [i, i+1) x [j, j+1). Values are not changed in place: an edit makes new ones.
 */

import type { TrainSettings } from 'fovea';
import type { ObjectFlags } from 'fovea/data';
import type { Logs } from 'fovea/learn';

/** The version of everything that is stored; store/migrations.ts brings older projects up to it. */
export const PROJECT_VERSION = 2;

/** What is trained: boxes, the class of each pixel, or the class of the picture. */
export type ProjectTask = 'detect' | 'segment' | 'classify';

export interface Project {
  readonly version: typeof PROJECT_VERSION;
  readonly id: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly task: ProjectTask;
  /** In the order of their numbers in a model. */
  readonly classes: readonly LabelClass[];
}

export interface LabelClass {
  readonly id: string;
  readonly name: string;
  /** `#rrggbb`. */
  readonly color: string;
  /** The key that chooses it, one character; empty for none. */
  readonly key: string;
}

/** Which pictures a model learns from, and which it is judged by. */
export type Split = 'train' | 'valid' | 'test';

export type ClassCounts = readonly (readonly [classId: string, objects: number])[];

export interface Picture {
  readonly id: string;
  readonly project: string;
  /** The file's name, with folders where it came with some: `left/0001.jpg`. */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Bytes of the file. */
  readonly size: number;
  /** SHA-256 of the file, in hex: the same file is added once. */
  readonly digest: string;
  /** dHash of the picture (`differenceHash` of fovea/similarity), in hex, once it is known. */
  readonly hash?: string;
  readonly added: number;
  readonly split: Split;
  /** A person has said that every object is labelled: a picture without objects is background then. */
  readonly done: boolean;
  /** How many objects it has, so that lists need not read its labels. */
  readonly objects: number;
  /** How many of them each class has, by its id; left out where there are none, and by studios that did not count them yet. */
  readonly classes?: ClassCounts;
}

export type Point = readonly [x: number, y: number];

/** x1 < x2, y1 < y2. */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

export type LabelShape =
  | { readonly kind: 'box'; readonly box: Box }
  /** Three vertices or more; the last one joins the first. */
  | { readonly kind: 'polygon'; readonly points: readonly Point[] }
  | { readonly kind: 'point'; readonly at: Point }
  /** Pixels of a window, 1 inside: `data[(j - y) * width + (i - x)]`. */
  | {
      readonly kind: 'mask';
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      readonly data: Uint8Array;
    };

/** Every flag of an object; one that the library gains is missing here. */
export const OBJECT_FLAGS = Object.keys({
  ...{ crowd: true, difficult: true, truncated: true, occluded: true },
} satisfies Record<keyof ObjectFlags, true>) as (keyof ObjectFlags)[];

export interface LabelObject {
  readonly id: string;
  /** A LabelClass. */
  readonly classId: string;
  readonly shape: LabelShape;
  /** Of a proposal that nobody has accepted yet, 0 to 1. */
  readonly score?: number;
  /** Objects of a picture with the same number and class are parts of one, as in Labelme; left out where it is whole. */
  readonly group?: number;
  /** Flags that files bring: they are kept, and written again. */
  readonly flags?: ObjectFlags;
}

/** The labels of one picture. */
export interface PictureLabels {
  readonly picture: string;
  readonly objects: readonly LabelObject[];
}

/** `running` in the database without a tab that trains: the tab was closed or killed, and the training goes on from its checkpoint. */
export type TrainingState = 'running' | 'paused' | 'finished' | 'failed';

/** What one epoch came to: the step that ended it, and its logs as those of `fovea/learn`. */
export interface EpochRecord {
  readonly step: number;
  readonly logs: Logs;
  /** It was the best so far. */
  readonly best: boolean;
}

/** A training. Its checkpoint is a file of the same id. */
export interface Training {
  readonly id: string;
  readonly project: string;
  /** What the model will be called. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly task: ProjectTask;
  readonly state: TrainingState;
  readonly settings: TrainSettings;
  /** The pictures that it learns from, and those by which it is judged: what is added later is for the next training. */
  readonly train: readonly string[];
  readonly valid: readonly string[];
  /** The model of the project that it starts from; undefined for random weights. */
  readonly start?: string;
  /** Steps done. */
  readonly step: number;
  /** The loss of each step, from the first. */
  readonly losses: readonly number[];
  readonly epochs: readonly EpochRecord[];
  /** Milliseconds in which it ran. */
  readonly spent: number;
  /** The model that it has made. */
  readonly model?: string;
  /** Why it failed, or was paused by itself. */
  readonly reason?: string;
}

/** A model of a project: trained in it, or a file that the visitor brought. Its file has the same id. */
export interface SavedModel {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly task: ProjectTask;
  /** The name of the file, whose extension tells the format: `coins.safetensors`. */
  readonly file: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly classNames: readonly string[];
  /** The training that made it; undefined for a file that was brought. */
  readonly training?: string;
  /** torchvision's name of the architecture, for files that do not tell it. */
  readonly arch?: string;
  /** The metric of the best epoch: `val_ap`, 0.93. */
  readonly metric?: { readonly name: string; readonly value: number };
}
