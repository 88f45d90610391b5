import type { AugmentPreset } from 'fovea/data';
import type { Phase } from '../learn/events.ts';
import type { Preset } from '../learn/recipes.ts';
import type { ProjectTask, TrainingState } from '../project/model.ts';
import { metricNames } from './metrics.ts';

const many = (n: number, one: string, more = `${one}s`) =>
  `${n.toLocaleString('en')} ${n === 1 ? one : more}`;

const duration = (seconds: number): string => {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

/** The texts of the room of training. */
export const train = {
  lead: 'The model learns from the pictures that you have labelled. You can go on labelling meanwhile.',
  new: 'New training',
  name: 'Name of the model',
  task: 'What it learns',
  tasks: {
    detect: 'find objects (boxes)',
    segment: 'which pixels belong to which class',
    classify: 'the class of a whole picture',
  } satisfies Record<ProjectTask, string>,
  preset: 'Kind of model',
  presets: {
    small: 'Small',
    accurate: 'Accurate',
    weights: 'From a trained model',
  } satisfies Record<Preset, string>,
  presetHints: {
    small: 'quick to train and to run on any machine: some minutes',
    accurate: 'larger pictures, a wider model and more steps: for a machine with a GPU',
    weights: 'starts from a model of this project, or from a file: .safetensors, .pth or .onnx',
  } satisfies Record<Preset, string>,
  start: 'Start from',
  chooseStart: 'choose a model…',
  addFile: 'Add a file…',
  more: 'More settings',
  usual: 'by the labels',
  steps: 'Steps',
  maxSide: 'Longer side of pictures, in pixels',
  cropSize: 'Side of the crops, in pixels',
  batchSize: 'Crops per step',
  lr: 'Highest learning rate',
  seed: 'Seed',
  augment: 'How crops are varied',
  augments: {
    none: 'not at all',
    light: 'a little: mirrored, small changes of size and colour',
    default: 'mirrored, changes of size and colour',
    aerial: 'in all orientations: from above, under a microscope',
    text: 'never mirrored: text, signs',
  } satisfies Record<AugmentPreset, string>,
  plan: (train: number, valid: number, judged: 'chosen' | 'held-out' | 'same') => {
    const learned = `Learns from ${many(train, 'picture')}`;
    if (judged === 'same') {
      return `${learned}, and is judged by ${valid === train ? 'the same' : `${valid} of them`}: label ten or more for an honest judgement.`;
    }
    const how = judged === 'chosen' ? 'that you have chosen for it' : 'that it does not learn from';
    return `${learned}, and is judged by ${many(valid, 'other')} ${how}.`;
  },
  unlabelled: (n: number) =>
    `${many(n, 'picture')} without labels ${n === 1 ? 'is' : 'are'} left out. A picture on which there is nothing to find can be marked as done.`,
  unclear: (n: number) =>
    `${many(n, 'picture')} with objects of several classes ${n === 1 ? 'is' : 'are'} left out: a classifier needs one class for each picture.`,
  settings: (steps: number, crop: number, batch: number) =>
    `${steps.toLocaleString('en')} steps of ${many(batch, 'crop')} of ${crop} x ${crop} pixels.`,
  planning: 'Reading the labels…',
  preview: 'Show crops as it will see them',
  previewing: 'Cutting crops…',
  previewAlt: (classes: string) =>
    `Crops of the labelled pictures, varied at random, with what is labelled: ${classes}`,
  begin: 'Train',
  first: 'Label some pictures first.',
  toLabels: 'Label pictures',
  toPictures: 'Add pictures',
  activity: (name: string, share: number) => `Training ${name}: ${Math.floor(100 * share)} %`,
  running: (name: string) => `Training ${name}`,
  phases: {
    opening: 'Opening the GPU',
    reading: 'Reading pictures',
    compiling: 'Preparing the programs for the GPU',
    tuning: 'Looking for the fastest of them',
    training: 'Training',
    saving: 'Saving the model',
  } satisfies Record<Phase, string>,
  phase: (name: string, done: number | undefined, all: number | undefined) =>
    done === undefined || all === undefined ? name : `${name}: ${done} of ${all}`,
  step: (step: number, steps: number) => `Step ${step.toLocaleString('en')} of ${steps.toLocaleString('en')}`,
  loss: (loss: number) => `loss ${loss.toFixed(3)}`,
  left: (seconds: number) => `${duration(seconds)} left`,
  spent: (milliseconds: number) => duration(milliseconds / 1000),
  rate: (rate: number) => `${rate < 10 ? rate.toFixed(1) : Math.round(rate)} crops per second`,
  pause: 'Pause',
  pausing: 'Pausing after this step…',
  stop: 'Stop, and keep the best so far',
  discard: 'Discard',
  discardSure: (name: string) => `Discard the training of ${name}, and all that it has learned?`,
  curve: 'Loss of each step, and of validation',
  curveAlt: (steps: number, first: number, last: number) =>
    `Curve of the loss over ${many(steps, 'step')}: from ${first.toFixed(2)} to ${last.toFixed(2)}`,
  metrics: 'After each epoch',
  meanings: {
    detect:
      'Loss: how wrong the model still is; 0 is perfect. AP: how many of the objects it finds, and how well its boxes fit, from 0 to 1; AP@.5 asks less of the fit. An epoch is a part of the training, after which the model is judged.',
    segment:
      'Loss: how wrong the model still is; 0 is perfect. IoU and Dice: how well the pixels agree with the labels, from 0 to 1. An epoch is a part of the training, after which the model is judged.',
    classify:
      'Loss: how wrong the model still is; 0 is perfect. Accuracy: the share of pictures whose class is right, from 0 to 1. An epoch is a part of the training, after which the model is judged.',
  } satisfies Record<ProjectTask, string>,
  epoch: 'Epoch',
  best: 'best',
  metricNames,
  pictures: 'What it finds now',
  picturesAlt: (step: number) =>
    `Pictures by which it is judged, as they are labelled, and what was found in them after step ${step}`,
  earlier: 'Trainings',
  none: 'There is no training yet.',
  states: {
    running: 'interrupted',
    paused: 'paused',
    finished: 'finished',
    failed: 'stopped by an error',
  } satisfies Record<TrainingState, string>,
  facts: (state: string, step: number, steps: number) =>
    `${state}, ${step.toLocaleString('en')} of ${steps.toLocaleString('en')} steps`,
  goOn: 'Go on',
  goOnNamed: (name: string) => `Go on with ${name}`,
  keep: 'Keep the best so far',
  remove: 'Remove',
  removeNamed: (name: string) => `Remove the training of ${name}`,
  made: (name: string) => `${name} is trained: try it, judge it, or take it away.`,
  lost: (why: string, step: number) =>
    `${why}. It goes on from step ${step.toLocaleString('en')} with a new one.`,
  unsaved: 'The browser could not store the model. Save its file before you leave this page.',
  save: 'Save the file',
  tryIt: 'Try it',
  judgeIt: 'Judge it',
  exportIt: 'Take it away',
};
