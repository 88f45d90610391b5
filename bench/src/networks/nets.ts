import type { Layers } from './layers.ts';

/** A network: from images to its outputs. */
export type Net = <T>(layers: Layers<T>, images: T) => T[];

function basicBlock<T>(l: Layers<T>, name: string, x: T, out: number, stride: number, project: boolean): T {
  const norm = (key: string, y: T) => l.batchNorm(`${name}.${key}`, y);
  const inner = l.relu(norm('bn1', l.conv(`${name}.conv1`, x, out, { stride, padding: 1 })));
  const y = norm('bn2', l.conv(`${name}.conv2`, inner, out, { padding: 1 }));
  const shortcut = project
    ? norm('downsample.1', l.conv(`${name}.downsample.0`, x, out, { kernel: 1, stride }))
    : x;
  return l.relu(l.add(y, shortcut));
}

/** ResNet-18 (He et al. 2016), 1,000 classes. */
export const resnet18: Net = (l, images) => {
  let x = l.relu(l.batchNorm('bn1', l.conv('conv1', images, 64, { kernel: 7, stride: 2, padding: 3 })));
  x = l.maxPool(x, 3, 2, 1);
  for (const [i, width] of [64, 128, 256, 512].entries()) {
    for (const block of [0, 1]) {
      const first = block === 0 && i > 0;
      x = basicBlock(l, `layer${i + 1}.${block}`, x, width, first ? 2 : 1, first);
    }
  }
  return [l.linear('fc', l.pool(x), 1000)];
};

/** (expansion, channels, blocks, stride) of each stage (Sandler et al. 2018, table 2). */
const MOBILENET = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** MobileNetV2 of width 1 (Sandler et al. 2018), 1,000 classes. */
export const mobilenet: Net = (l, images) => {
  const unit = (name: string, x: typeof images, out: number, options: Parameters<typeof l.conv>[3]) =>
    l.batchNorm(`${name}.1`, l.conv(`${name}.0`, x, out, options));
  let x = l.relu6(unit('features.0', images, 32, { stride: 2, padding: 1 }));
  let channels = 32;
  let n = 1;
  for (const [expansion, out, blocks, firstStride] of MOBILENET) {
    for (let block = 0; block < blocks; block++) {
      const stride = block === 0 ? firstStride : 1;
      const name = `features.${n++}`;
      const wide = channels * expansion;
      const expanded = expansion === 1 ? x : l.relu6(unit(`${name}.expand`, x, wide, { kernel: 1 }));
      const depth = l.relu6(unit(`${name}.depth`, expanded, wide, { stride, padding: 1, depthwise: true }));
      const y = unit(`${name}.project`, depth, out, { kernel: 1 });
      x = stride === 1 && channels === out ? l.add(x, y) : y;
      channels = out;
    }
  }
  x = l.relu6(unit('features.18', x, 1280, { kernel: 1 }));
  return [l.linear('classifier', l.pool(x), 1000)];
};

/** src/models/unet.ts with batch norm. */
export const unet =
  ({ width, depth, classes }: { width: number; depth: number; classes: number }): Net =>
  (l, images) => {
    type T = typeof images;
    const block = (name: string, x: T, out: number) =>
      [1, 2].reduce(
        (y, i) => l.relu(l.batchNorm(`${name}.norm${i}`, l.conv(`${name}.conv${i}`, y, out, { padding: 1 }))),
        x,
      );
    const skips: T[] = [];
    let x = l.normalize(images);
    for (let level = 0; level <= depth; level++) {
      x = block(`down.${level}`, level === 0 ? x : l.maxPool(x, 2, 2, 0), width * 2 ** level);
      skips.push(x);
    }
    skips.pop();
    for (let i = 0; i < depth; i++) {
      const out = width * 2 ** (depth - 1 - i);
      x = block(`merge.${i}`, l.concat([skips.pop()!, l.up(`up.${i}`, x, out)]), out);
    }
    return [l.conv('out', x, classes, { kernel: 1, bias: true })];
  };

export interface RetinaNetShape {
  readonly backbone: { readonly width: number; readonly depth: readonly number[] };
  readonly pyramidWidth: number;
  readonly headDepth: number;
  readonly numClasses: number;
}

/**
 * src/models/retinanet.ts on the small stem with batch norm, group norm in the heads, levels P3 to P7: logits [N,A,K] and
 * deltas [N,A,4], or both of each level where `joined` is false.
 */
export const retinanet =
  ({ backbone, pyramidWidth, headDepth, numClasses }: RetinaNetShape, joined = true): Net =>
  (l, images) => {
    type T = typeof images;
    const body = 'backbone.body';
    const { width, depth } = backbone;
    const stem = l.conv(`${body}.conv1`, l.normalize(images), width, { stride: 2, padding: 1 });
    let x = l.relu(l.batchNorm(`${body}.bn1`, stem));
    const features: T[] = [];
    for (const [i, blocks] of depth.entries()) {
      for (let block = 0; block < blocks; block++) {
        const first = block === 0;
        x = basicBlock(l, `${body}.layer${i + 1}.${block}`, x, width * 2 ** i, first ? 2 : 1, first);
      }
      if (i > 0) features.push(x);
    }
    const fpn = 'backbone.fpn';
    const inner: T[] = [];
    for (const [i, feature] of [...features.entries()].reverse()) {
      const lateral = l.conv(`${fpn}.inner_blocks.${i}.0`, feature, pyramidWidth, { kernel: 1, bias: true });
      inner.unshift(inner[0] === undefined ? lateral : l.add(l.enlarge(inner[0]), lateral));
    }
    const levels = inner.map((level, i) =>
      l.conv(`${fpn}.layer_blocks.${i}.0`, level, pyramidWidth, { padding: 1, bias: true }),
    );
    const coarser = (name: string, y: T) =>
      l.conv(`${fpn}.extra_blocks.${name}`, y, pyramidWidth, { stride: 2, padding: 1, bias: true });
    const p6 = coarser('p6', levels.at(-1)!);
    levels.push(p6, coarser('p7', l.relu(p6)));
    const head = (name: string, last: string, values: number) => {
      const outputs = levels.map((level) => {
        let y = level;
        for (let i = 0; i < headDepth; i++) {
          const conv = l.conv(`head.${name}.conv.${i}.0`, y, pyramidWidth, { padding: 1 });
          y = l.relu(l.groupNorm(`head.${name}.conv.${i}.1`, conv));
        }
        return l.conv(`head.${name}.${last}`, y, 9 * values, { padding: 1, bias: true });
      });
      return joined ? [l.rows(outputs, values)] : outputs.map((output) => l.rows([output], values));
    };
    return [
      ...head('classification_head', 'cls_logits', numClasses),
      ...head('regression_head', 'bbox_reg', 4),
    ];
  };
