import { expectArguments } from '../arguments.ts';
import { StateDictError } from '../errors.ts';
import type { LoadedWeights } from '../io/loadedWeights.ts';
import { YOLO } from '../models/yolo.ts';
import type { LoadReport } from '../nn/loadState.ts';
import type { ModelName } from './architectures.ts';
import { darknetTensors, takeBoxes } from './darknetStart.ts';
import type { TaskModel } from './step.ts';
import { backboneIn, titleOf, WeightShapes } from './weightShapes.ts';

/** Where the backbone of each model is. */
const BODY: Readonly<Partial<Record<ModelName, string>>> = {
  retinanet: 'backbone.body.',
  fcos: 'backbone.body.',
  fasterrcnn: 'backbone.body.',
  maskrcnn: 'backbone.body.',
  panopticfpn: 'backbone.body.',
  fcn: 'backbone.',
  deeplabv3: 'backbone.',
  lraspp: 'backbone.',
  'dynamic-unet': 'encoder.',
  resnet: '',
  'mobilenet-v3': 'features.',
};

/** What was taken of weights that a training starts from, by the names of the model; `unexpected` by those of the file. */
export interface StartReport extends LoadReport {
  /** What the weights are called. */
  readonly source: string;
  /** The number of tensors that the model has. */
  readonly total: number;
}

/** What settings call weights: the file's name without its folder. */
export const nameOfWeights = ({ source }: LoadedWeights): string => source.replace(/^.*[/\\]/, '');

/** With less than this share of its tensors a model does not start from the weights. */
const LEAST = 0.1;

/** The parts of a model that tensors belong to: at most two names. */
const partsOf = (names: readonly string[]): string[] => [
  ...new Set(names.map((name) => name.split('.').slice(0, -1).slice(0, 2).join('.'))),
];

/** Up to six parts. */
const shown = (names: readonly string[]): string => {
  const parts = partsOf(names);
  return parts.slice(0, 6).join(', ') + (parts.length > 6 ? ' …' : '');
};

/**
 * Says in one line what was taken: `resnet50.pth: 265 of 295 tensors matched, 30 new: backbone.fpn, head.classification_head`.
 *
 * @param report What `TrainOptions.onWeights` was called with.
 */
export function describeStart(report: StartReport): string {
  expectArguments(
    'describeStart',
    { report },
    { report: { missing: ['text'], mismatched: 'object', unexpected: ['text'] } },
  );
  const { source, total, matched, missing, mismatched, unexpected } = report;
  const fresh = [...missing, ...mismatched.map(({ name }) => name)];
  const news = fresh.length === 0 ? '' : `, ${fresh.length} new: ${shown(fresh)}`;
  const unused =
    unexpected.length === 0 ? '' : `; ${unexpected.length} of the file not used: ${shown(unexpected)}`;
  return `${source}: ${matched.length} of ${total} tensors matched${news}${unused}`;
}

/**
 * Gives a model the weights that fit, by name and shape: those of the same architecture, or of its backbone alone. The rest
 * keeps its initial values. Throws StateDictError where next to nothing fits.
 */
export function startFrom(model: TaskModel, name: ModelName, weights: LoadedWeights): StartReport {
  if (weights.format === 'darknet') return startDarknet(model, name, weights);
  const backbone = backboneIn(new WeightShapes(weights));
  const body = BODY[name];
  const moved = backbone !== undefined && body !== undefined && backbone.prefix !== body;
  const given = new Map<string, string>();
  const rename = (name: string): string | undefined => {
    if (!moved) return name;
    if (!name.startsWith(backbone.prefix)) return undefined;
    const now = body + name.slice(backbone.prefix.length);
    given.set(now, name);
    return now;
  };
  const total = model.namedStates().length;
  const report = model.loadStateDict(weights, { strict: false, skipMismatched: true, rename });
  const { length } = report.matched;
  if (length < Math.max(LEAST * total, 1)) {
    const names = model.namedStates().map(([own]) => own);
    const what = backbone
      ? `it has a ${titleOf(backbone)}; leave --width and --anchors out, so that the ${name} is built around that, or choose weights of another width`
      : `it has ${list([...weights.tensors.keys()])}, the model ${list(names)}; give weights of a ${name}, or of a backbone that it can have (ResNet, MobileNetV3)`;
    throw new StateDictError(
      `${weights.source}: only ${length} of the ${total} tensors of this ${name} are in it: ${what}`,
    );
  }
  const unexpected = report.unexpected.map((name) => given.get(name) ?? name);
  return { ...report, unexpected, source: weights.source, total };
}

/** The same for Darknet's weights, which go by the order of the layers. Of a head for other classes all but the classes is taken. */
function startDarknet(model: TaskModel, name: ModelName, weights: LoadedWeights): StartReport {
  const { source } = weights;
  const tensors = darknetTensors(name, weights);
  const report = model.loadStateDict(
    { tensors, source, layout: 'fovea' },
    { strict: false, skipMismatched: true },
  );
  const total = model.namedStates().length;
  if (report.matched.length < Math.max(LEAST * total, 1)) {
    throw new StateDictError(
      `${source}: only ${report.matched.length} of the ${total} tensors of this ${name} have the shapes of the published network; leave --width out`,
    );
  }
  if (model instanceof YOLO) takeBoxes(model, tensors);
  return { ...report, source, total };
}

const list = (names: readonly string[]): string =>
  `${names.slice(0, 3).join(', ')}${names.length > 3 ? ' …' : ''}`;
