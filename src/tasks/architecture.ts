import type { AnchorLayout } from '../vision/anchorFit.ts';
import type { TaskModel } from './step.ts';

/** What a model does: find objects (`detect`), classify every pixel (`segment`), or classify whole images (`classify`). */
export type TaskName = 'detect' | 'segment' | 'classify';

/** Options of a model to train from scratch. */
export interface NewModelOptions {
  /** Classes, without the background. */
  readonly numClasses: number;
  /** Channels of the first stage. Default: see the architecture. */
  readonly width?: number;
  /** For models of regions too: how many of the classes, the last ones, are regions ("stuff"). Default 1. */
  readonly numStuff?: number;
  /** Side of the training crops in pixels. Models whose size depends on it are built for it. */
  readonly cropSize?: number;
  /** For detectors: anchors as found by `fitAnchors` or `fovea anchors`. Default: those of the architecture. */
  readonly anchors?: AnchorLayout;
}

/** An architecture, as tasks and model files know it. `Config` is saved with a model's weights, and rebuilds it. */
export interface Architecture<Config = unknown> {
  /** What its models do. */
  readonly task: TaskName;
  /** Returns the configuration of a small model to train from scratch on few images. */
  defaultConfig(options: NewModelOptions): Config;
  /** Builds a model with random weights. */
  build(config: Config, seed: number): TaskModel;
  /** Returns the number of classes, without the background. */
  numClasses(config: Config): number;
  /** For models of regions too: returns how many of the classes, the last ones, are regions ("stuff"). */
  numStuff?(config: Config): number;
  /** Returns the number that the sides of crops must be multiples of, in pixels; images are padded to multiples of it. */
  sizeMultiple(config: Config): number;
  /** For classifiers: returns the side in pixels of the images that a model with pretrained weights is trained on. */
  imageSize?(config: Config): number;
  /** The names of the losses, in the order in which the model's `losses` returns them. */
  readonly lossNames: readonly string[];
  /** Whether the model samples at random in each training step, and needs a seed for it. */
  readonly needsSeed?: true;
  /** Whether training takes the masks of objects, and detections have them. */
  readonly hasMasks?: true;
  /** The highest learning rate. Default 0.003. */
  readonly lr?: number;
  /** What is chosen instead where a training starts from weights. Default: as from random ones. */
  readonly fineTuned?: FineTuned;
}

/** Defaults of a training that starts from weights. */
export interface FineTuned {
  /** Channels of the first stage of the published network. */
  readonly width: number;
  /** The side of the images that it was trained on, in pixels. Crops are as large, or as whole images. */
  readonly cropSize: number;
  /** The highest learning rate. */
  readonly lr: number;
  /** The number of steps. */
  readonly steps: number;
}

/** An entry of the table of architectures, whose configuration only the entry itself knows. */
export const architecture = <Config>(entry: Architecture<Config>): Architecture => entry as Architecture;
