import type { LoadedWeights } from '../io/loadedWeights.ts';
import type { MobileNetV3FeaturesConfig } from '../models/mobilenetV3.ts';
import { RESNETS, type ResNetConfig } from '../models/resnet.ts';
import { legacyDetectionName, legacyPartName } from '../models/torchNames.ts';

/** A weight's output and input channels, and the side of its kernel: 1 for a linear layer. */
interface Layer {
  readonly out: number;
  readonly in: number;
  readonly kernel: number;
}

/** The shapes of a state dict by layer, in torchvision's names of today, whatever the layout. */
export class WeightShapes {
  readonly #layers = new Map<string, Layer>();
  readonly #names = new Set<string>();

  constructor({ tensors, layout }: Pick<LoadedWeights, 'tensors' | 'layout'>) {
    // The heads of FCOS, with a norm between convolutions, are numbered as older ones of RetinaNet were.
    const fcos = [...tensors.keys()].some((name) => name.includes('.bbox_ctrness.'));
    for (const [given, { shape }] of tensors) {
      const name = fcos ? legacyPartName(given) : legacyDetectionName(given);
      this.#names.add(name);
      if (!name.endsWith('.weight')) continue;
      const [a = 0, b = 0, c = 0, d = 0] = shape;
      const layer = name.slice(0, -'.weight'.length);
      // A kernel is square: of [kh,kw,I,O] the first two are the same, of [O,I,kh,kw] the last two.
      const torch = layout
        ? layout === 'pytorch'
        : shape.length === 4
          ? c === d && !(a === b && c > 11)
          : true;
      if (shape.length === 4)
        this.#layers.set(layer, torch ? { out: a, in: b, kernel: c } : { out: d, in: c, kernel: a });
      if (shape.length === 2)
        this.#layers.set(layer, torch ? { out: a, in: b, kernel: 1 } : { out: b, in: a, kernel: 1 });
    }
  }

  /** Whether there is a tensor of this name. */
  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Whether there is a name that begins so. */
  hasPrefix(prefix: string): boolean {
    for (const name of this.#names) if (name.startsWith(prefix)) return true;
    return false;
  }

  /** The layer whose weight is `name`.weight. */
  layer(name: string): Layer | undefined {
    return this.#layers.get(name);
  }

  /** The number of layers in a row, from 0 on. */
  count(name: (index: number) => string): number {
    let count = 0;
    while (this.#layers.has(name(count))) count++;
    return count;
  }
}

/** A backbone in a state dict. */
export type Backbone =
  | { readonly kind: 'resnet'; readonly prefix: string; readonly config: ResNetConfig }
  | { readonly kind: 'mobilenet'; readonly prefix: string; readonly config: MobileNetV3FeaturesConfig };

function resnetAt(shapes: WeightShapes, prefix: string): Backbone | undefined {
  const stem = shapes.layer(`${prefix}conv1`);
  const first = shapes.layer(`${prefix}layer1.0.conv1`);
  if (stem?.in !== 3 || !first) return undefined;
  const stages = [1, 2, 3, 4] as const;
  const depth = stages.map((i) => shapes.count((n) => `${prefix}layer${i}.${n}.conv1`));
  const block = shapes.layer(`${prefix}layer1.0.conv3`) ? 'bottleneck' : 'basic';
  const widths = stages.map((i) =>
    block === 'basic'
      ? shapes.layer(`${prefix}layer${i}.0.conv1`)?.out
      : (shapes.layer(`${prefix}layer${i}.0.conv3`)?.out ?? 0) / 4,
  );
  const width = stem.out;
  const most = widths[3] ?? 0;
  const inner = shapes.layer(`${prefix}layer1.0.conv2`);
  const groups = block === 'bottleneck' && inner ? inner.out / inner.in : 1;
  const perGroup = block === 'bottleneck' && inner ? Math.round((64 * inner.out) / groups / width) : 64;
  return {
    kind: 'resnet',
    prefix,
    config: {
      block,
      depth: depth as unknown as ResNetConfig['depth'],
      ...(width === 64 ? {} : { width }),
      ...(most < 8 * width ? { maxWidth: most } : {}),
      ...(stem.kernel === 7 ? {} : { stem: 'small' as const }),
      ...(groups === 1 ? {} : { groups }),
      ...(perGroup === 64 ? {} : { widthPerGroup: perGroup }),
      ...(shapes.has(`${prefix}bn1.running_mean`) ? {} : { norm: 'group' as const }),
    },
  };
}

function mobilenetAt(shapes: WeightShapes, prefix: string): Backbone | undefined {
  const stem = shapes.layer(`${prefix}0.0`);
  const blocks = shapes.count((i) => `${prefix}${i + 1}.block.0.0`);
  const last = shapes.layer(`${prefix}${blocks + 1}.0`);
  if (stem?.in !== 3 || stem.kernel !== 3 || !last) return undefined;
  if (blocks !== 15 && blocks !== 11) return undefined;
  const [variant, full] = blocks === 15 ? (['large', 960] as const) : (['small', 576] as const);
  // A narrower last stage alone is torchvision's reduced tail.
  const reducedTail = shapes.layer(`${prefix}1.block.0.0`)?.out === 16 && last.out === full / 2;
  const widthMult = reducedTail ? 1 : last.out / full;
  return {
    kind: 'mobilenet',
    prefix,
    config: {
      variant,
      ...(widthMult === 1 ? {} : { widthMult }),
      ...(reducedTail ? { reducedTail } : {}),
    },
  };
}

/** Where backbones are: torchvision's detectors, its segmenters and Fovea's, and classifiers. */
const PLACES = ['backbone.body.', 'backbone.', 'encoder.', 'features.', 'backbone.features.', ''];

/** The backbone of a state dict: a ResNet, a ResNeXt or a MobileNetV3, of any width. Undefined where there is none. */
export function backboneIn(shapes: WeightShapes): Backbone | undefined {
  for (const prefix of PLACES) {
    const found = resnetAt(shapes, prefix) ?? mobilenetAt(shapes, prefix);
    if (found) return found;
  }
  return undefined;
}

/** What a backbone is called: `resnet50`, or what it is like. */
export function titleOf({ kind, config }: Backbone): string {
  if (kind === 'mobilenet') {
    return `MobileNetV3 (${config.variant}${config.widthMult === undefined ? '' : `, ${config.widthMult} of its width`})`;
  }
  const { width = 64, stem = 'imagenet', norm: _norm, ...shape } = config;
  const plain = width === 64 && stem === 'imagenet' && config.maxWidth === undefined;
  const known = Object.entries(RESNETS).find(
    ([, other]) => plain && JSON.stringify(sorted(other)) === JSON.stringify(sorted(shape)),
  );
  return known ? known[0] : `ResNet of width ${width} with ${config.depth.join(', ')} ${config.block} blocks`;
}

const sorted = (value: object): [string, unknown][] =>
  Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
