import { parseNames } from './classNames.ts';

/** An output of a model: its sizes as far as they are known. */
export interface OutputPort {
  readonly name: string;
  readonly integers: boolean;
  readonly shape: readonly (number | string | null)[] | undefined;
}

/** Masks as sums of maps: each object has a coefficient for each prototype (YOLACT, Bolya et al. 2019, section 3). */
export interface Prototypes {
  /** The output [1,P,h,w] that has them. */
  readonly output: string;
  /** The channel of an object's first coefficient. */
  readonly first: number;
}

/** What the outputs of a model are. */
export type Head =
  | {
      /** Boxes, scores and labels each: torchvision's, or with a batch in front what `fovea export` writes. */
      readonly kind: 'lists';
      readonly batched: boolean;
      /** Whether non-maximum suppression is still to be done. */
      readonly raw: boolean;
      readonly boxes: string;
      readonly scores: string;
      readonly labels: string;
      readonly count?: string;
      readonly masks?: string;
    }
  | {
      /** Boxes (centre and size) and scores of all candidates in one tensor: Ultralytics'. */
      readonly kind: 'candidates';
      readonly output: string;
      /** Whether the candidates are along the last dimension, as of YOLOv8 and later. */
      readonly last: boolean;
      /** Whether there is a score for an object of any class, as of YOLOv5 and v7. */
      readonly objectness: boolean;
      readonly classes: number;
      readonly prototypes?: Prototypes;
    }
  /** [1,N,6], or [1,N,6+P]: corners, score and class, after non-maximum suppression, and coefficients of masks. */
  | { readonly kind: 'rows'; readonly output: string; readonly prototypes?: Prototypes }
  /** Scores of each class, [1,K,h,w], or a label, [1,h,w], for each pixel. */
  | { readonly kind: 'map'; readonly output: string; readonly channels: number }
  /** Scores or probabilities of each class for the whole image, [1,K] or [K]. */
  | { readonly kind: 'classes'; readonly output: string; readonly classes: number };

/** What is known of a model. */
export interface HeadFacts {
  readonly outputs: readonly OutputPort[];
  readonly metadata: ReadonlyMap<string, string>;
  /** Whether its images have a batch in front. */
  readonly batched: boolean;
  /** Height and width of the images, where they are fixed. */
  readonly size: readonly [number, number] | undefined;
}

function listsIn({ outputs, batched }: HeadFacts): Head | undefined {
  const named = (name: string) => outputs.find((output) => output.name === name);
  const rank = (output: OutputPort) => output.shape?.length;
  const before = batched ? 1 : 0;
  const boxes =
    named('boxes') ??
    outputs.find((one) => !one.integers && rank(one) === 2 + before && one.shape?.at(-1) === 4);
  const labels = named('labels') ?? outputs.find((one) => one.integers && rank(one) === 1 + before);
  const scores = named('scores') ?? outputs.find((one) => !one.integers && rank(one) === 1 + before);
  if (!boxes || !labels || !scores) return undefined;
  const masks = named('masks') ?? outputs.find((one) => !one.integers && rank(one) === 4);
  const count = named('count');
  return {
    kind: 'lists',
    batched,
    raw: batched && !count,
    boxes: boxes.name,
    scores: scores.name,
    labels: labels.name,
    ...(count ? { count: count.name } : {}),
    ...(masks ? { masks: masks.name } : {}),
  };
}

/** Candidates of YOLOv5 and v7: three at each cell of strides 8, 16 and 32. */
const anchored = ([height, width]: readonly [number, number]): number =>
  [8, 16, 32].reduce((sum, stride) => sum + 3 * Math.floor(height / stride) * Math.floor(width / stride), 0);

function candidatesIn({ outputs, metadata, size }: HeadFacts): Head | undefined {
  const found = outputs.find(({ integers, shape }) => !integers && shape?.length === 3);
  const [, a, b] = found?.shape ?? [];
  if (!found || typeof a !== 'number' || typeof b !== 'number') return undefined;
  const names = parseNames(metadata.get('names') ?? '')?.length;
  const last = a < b;
  const channels = last ? a : b;
  const whole = size !== undefined && a === anchored(size);
  const maps = outputs.find(({ integers, shape }) => !integers && shape?.length === 4);
  const known = maps?.shape?.[1];
  const coefficients = typeof known === 'number' ? known : 0;
  const from = (first: number, all = channels) =>
    maps && coefficients > 0 && first + coefficients === all
      ? { prototypes: { output: maps.name, first } }
      : {};
  if ((b === 6 || b === 6 + coefficients) && !whole)
    return { kind: 'rows', output: found.name, ...from(6, b) };
  const first = last ? 4 : 5;
  // Coefficients of masks follow the classes.
  const classes = names !== undefined && channels >= names + first ? names : channels - first - coefficients;
  if (classes < 1) return undefined;
  return {
    kind: 'candidates',
    output: found.name,
    last,
    objectness: !last,
    classes,
    ...from(first + classes),
  };
}

function mapIn({ outputs }: HeadFacts): Head | undefined {
  const maps = outputs.filter(
    ({ integers, shape }) => shape?.length === 4 || (integers && shape?.length === 3),
  );
  const found = maps.find(({ name }) => name === 'out' || name === 'logits') ?? maps[0];
  if (!found) return undefined;
  const channels = found.shape!.length === 3 ? 0 : found.shape![1];
  return typeof channels === 'number' ? { kind: 'map', output: found.name, channels } : undefined;
}

function classesIn({ outputs, batched }: HeadFacts): Head | undefined {
  const [found, ...more] = outputs;
  const classes = found?.shape?.at(-1);
  if (!found || more.length > 0 || found.integers || typeof classes !== 'number') return undefined;
  if (found.shape!.length !== (batched ? 2 : 1) || classes < 2) return undefined;
  return { kind: 'classes', output: found.name, classes };
}

/** Tells what the outputs of a model are. Undefined for none that is known. */
export function tellHead(facts: HeadFacts): Head | undefined {
  const task = facts.metadata.get('task');
  if (task !== undefined && !['detect', 'segment', 'classify'].includes(task)) return undefined;
  return listsIn(facts) ?? candidatesIn(facts) ?? mapIn(facts) ?? classesIn(facts);
}

/** What is known, as the end of a message. */
export const KNOWN_HEADS =
  'known are Ultralytics’ [1,4+K,A], [1,A,5+K] and [1,N,6], torchvision’s boxes, labels, scores and masks, maps [1,K,H,W], and scores of classes [1,K]';
