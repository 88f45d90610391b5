/** Weights to start from that are Darknet's: numbers without names, for the layers of a network in their order. */
import { DataError } from '../errors.ts';
import type { LoadedWeights } from '../io/loadedWeights.ts';
import type { StateDict } from '../io/safetensors.ts';
import { parseDarknetCfg } from '../models/darknet.ts';
import { darknetCounts, namedValues } from '../models/darknetWeights.ts';
import { YOLO } from '../models/yolo.ts';
import { yoloFastestCfg, yolov3Cfg, yolov3TinyCfg } from '../models/yoloPresets.ts';
import { MODEL_NAMES, type ModelName } from './architectures.ts';

/** The published networks, whose files are told by the number of their values. */
const WRITERS: Readonly<Partial<Record<ModelName, typeof yolov3Cfg>>> = {
  yolov3: yolov3Cfg,
  'yolov3-tiny': yolov3TinyCfg,
  'yolo-fastest': yoloFastestCfg,
};

/** The classes of COCO, whose weights most files are. */
const COCO_CLASSES = 80;

/** How much of a published network a file holds. */
interface Held {
  readonly name: ModelName;
  /** The number of classes, undefined where the file ends before the first prediction. */
  readonly numClasses: number | undefined;
  /** The number of layers, counted as Darknet does. */
  readonly layers: number;
}

/** The values of a .weights file. */
const valuesOf = ({ tensors }: LoadedWeights): Float32Array => tensors.get('values')!.data as Float32Array;

/** The number of values in a .weights file. */
const lengthOf = ({ tensors }: LoadedWeights): number => tensors.get('values')!.shape[0]!;

/** Values per layer of a published network with a number of classes. */
const countsOf = (write: typeof yolov3Cfg, numClasses: number): number[] =>
  darknetCounts(new YOLO({ cfg: write({ numClasses }), seed: 0 }).layers);

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);

/** What a file holds of one network; undefined where its length fits no number of classes, and no first layers. */
function heldOf(name: ModelName, length: number): Held | undefined {
  const write = WRITERS[name];
  if (!write) return undefined;
  const [one, two] = [countsOf(write, 1), countsOf(write, 2)];
  const perClass = sum(two) - sum(one);
  const numClasses = 1 + (length - sum(one)) / perClass;
  if (Number.isInteger(numClasses) && numClasses >= 1) return { name, numClasses, layers: one.length };
  const head = one.findIndex((count, i) => count !== two[i]);
  let values = 0;
  for (let i = 0; i < head; i++) {
    values += one[i]!;
    if (values === length) return { name, numClasses: undefined, layers: i + 1 };
  }
  return undefined;
}

/** What a file holds, of the network that fits best: with COCO's classes, else the first one with others, else with first layers. */
function bestHeld(weights: LoadedWeights): Held | undefined {
  const length = lengthOf(weights);
  const held = MODEL_NAMES.map((name) => heldOf(name, length)).filter((found) => found !== undefined);
  return (
    held.find(({ numClasses }) => numClasses === COCO_CLASSES) ??
    held.find(({ numClasses }) => numClasses !== undefined) ??
    held[0]
  );
}

/** The published network that a file holds, all or the first layers of it. Throws DataError for the values of another network. */
export function darknetIn(weights: LoadedWeights): ModelName {
  const held = bestHeld(weights);
  if (held) return held.name;
  throw new DataError(
    `${weights.source}: has ${lengthOf(weights)} values, which fit none of ${Object.keys(WRITERS).join(', ')} with any number of classes, and none of their first layers; give the file of one of these networks`,
  );
}

/** What a file holds of an architecture. Throws DataError where it cannot be of this architecture. */
function heldBy(name: ModelName, weights: LoadedWeights): Held {
  const { source } = weights;
  const length = lengthOf(weights);
  const write = WRITERS[name];
  if (!write) {
    throw new DataError(
      `${source}: is Darknet's weights, and ${name} is none of its networks; train ${Object.keys(WRITERS).join(', ')} from them`,
    );
  }
  const held = heldOf(name, length);
  if (held) return held;
  const other = bestHeld(weights);
  const [one, two] = [sum(countsOf(write, 1)), sum(countsOf(write, 2))];
  throw new DataError(
    `${source}: has ${length} values, which fit ${name} with no number of classes (${one} with one, ${two - one} more for each other) and none of its first layers; ${
      other ? `they are those of a ${other.name}: train that` : 'give the file of the published network'
    }`,
  );
}

/** The published architecture, for another number of classes. Throws DataError for a file that is not of it. */
export function darknetConfig(name: ModelName, weights: LoadedWeights, numClasses: number): YOLO['config'] {
  const held = heldBy(name, weights);
  return { cfg: WRITERS[held.name]!({ numClasses }) };
}

/** The values of a file by the names of the model. Throws DataError for a file that is not of this architecture. */
export function darknetTensors(name: ModelName, weights: LoadedWeights): StateDict {
  const { numClasses = COCO_CLASSES, layers } = heldBy(name, weights);
  const published = new YOLO({ cfg: WRITERS[name]!({ numClasses }), seed: 0 });
  return namedValues(valuesOf(weights), published.layers.slice(0, layers));
}

/** The values of a prediction before its classes: x, y, width, height and objectness. */
const BOX_VALUES = 5;

/**
 * Gives the predictions of a network those of another one for other classes, apart from the classes themselves: for each anchor the box
 * and its objectness. The classes keep their initial values.
 */
export function takeBoxes({ config, layers, numClasses }: YOLO, given: StateDict): void {
  const cfg = parseDarknetCfg(config.cfg);
  const states = new Map(
    cfg.layers.flatMap((layer, at) => {
      const before = layers[at - 1];
      return layer.type === 'yolo' && before
        ? before
            .namedStates()
            .map(
              ([name, state]) => [`layers.${at - 1}.${name}`, { state, anchors: layer.mask.length }] as const,
            )
        : [];
    }),
  );
  for (const [name, { state, anchors }] of states) {
    const entry = given.get(name);
    const wide = entry && (entry.shape.at(-1) ?? 0) / anchors;
    if (!entry || !wide || !Number.isInteger(wide) || wide <= BOX_VALUES) continue;
    const own = BOX_VALUES + numClasses;
    const values = state.initial.slice();
    const rows = values.length / (own * anchors);
    if (rows !== entry.data.length / (wide * anchors)) continue;
    for (let i = 0; i < rows * anchors; i++) {
      for (let k = 0; k < BOX_VALUES; k++) values[i * own + k] = entry.data[i * wide + k]!;
    }
    state.set(values);
  }
}
