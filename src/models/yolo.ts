import { expectArguments, shownValue } from '../arguments.ts';
import { DataError, ShapeError, UsageError } from '../errors.ts';
import { batchedNms } from '../graph/functions/boxes.ts';
import {
  add,
  affine,
  div,
  exp,
  maximum,
  minimum,
  mul,
  remainder,
  sigmoid,
  sub,
} from '../graph/functions/elementwise.ts';
import { amax, topk } from '../graph/functions/reduce.ts';
import { concat, gatherRows, slice } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import type { DarknetHeader } from '../io/darknet.ts';
import type { StateDict } from '../io/safetensors.ts';
import { Module, type Parameter } from '../nn/module.ts';
import { generatorOf, type SeedOptions } from '../nn/random.ts';
import { objectOf, withDefaults } from '../options.ts';
import { formatShape } from '../shape.ts';
import { type DarknetCfg, type DarknetYOLO, parseDarknetCfg } from './darknet.ts';
import { buildDarknet, DarknetConvLayer, type DarknetModule, runDarknet } from './darknetLayers.ts';
import { decodeDarknetWeights, encodeDarknetWeights } from './darknetWeights.ts';
import type { Detections, DetectionTargets, DetectOptions } from './detection.ts';
import { type YOLOGrid, yoloLosses } from './yoloLosses.ts';
import { type YOLOv3Options, yoloFastestCfg, yolov3Cfg, yolov3TinyCfg } from './yoloPresets.ts';

/** Everything that shapes a YOLO network; saved with its weights. */
export interface YOLOConfig {
  /** The text of a Darknet .cfg file: see `yolov3Cfg`. */
  readonly cfg: string;
}

/** Options of `YOLO`: cfg must be given. */
export interface YOLOOptions extends YOLOConfig, SeedOptions {
  /** What error messages call the .cfg, such as the name of its file. Default `cfg`. */
  readonly name?: string;
}

/** Options of `YOLO.fromDarknet`. */
export type FromDarknetOptions = Omit<YOLOOptions, 'cfg'>;

/** The objectness of every prediction before training: keeps the first losses small. */
const PRIOR = 0.01;

/**
 * YOLOv3 (Redmon and Farhadi 2018), YOLOv3-tiny and other networks of the same layers, as Darknet .cfg files describe them: a
 * convolutional network whose yolo layers predict boxes, objectness and classes at every cell, from anchors. Decoding, NMS,
 * matching and losses are part of the graph: a detection and a training step are one submission each. Make one with `yolov3`,
 * `yolov3Tiny` or `YOLO.fromDarknet`.
 *
 * Parameters are named by the number of the layer in the .cfg: `layers.12.conv.weight`, `layers.12.bn.running_mean`.
 */
export class YOLO extends Module {
  /** @internal */
  layers: (DarknetModule | undefined)[];
  readonly config: YOLOConfig;
  /** The number of classes, labels 0 to numClasses - 1. */
  readonly numClasses: number;
  /** The number that the sides of images must be multiples of, in pixels. */
  readonly stride: number;
  readonly #cfg: DarknetCfg;
  /** The yolo layers, and the places of what they predict from. */
  readonly #heads: readonly { readonly layer: DarknetYOLO; readonly at: number }[];

  /**
   * @param options `cfg` must be given. Throws DataError, with the line, for text that is no .cfg and for layers that do not
   * fit.
   */
  constructor(options: YOLOOptions) {
    super();
    expectArguments('YOLO', { options }, { options: { cfg: 'text' } });
    const { cfg: text, name } = withDefaults('YOLO', options, {
      cfg: options.cfg,
      name: 'cfg',
      seed: undefined,
      generator: undefined,
    });
    const cfg = parseDarknetCfg(text, name);
    const { modules, shapes } = buildDarknet(cfg, generatorOf('YOLO', options));
    const heads = cfg.layers.flatMap((layer, at) => (layer.type === 'yolo' ? [{ layer, at }] : []));
    const first = heads[0]?.layer;
    if (!first) throw new DataError(`${name}: has no [yolo] section; a detector needs one`);
    const other = heads.find(({ layer }) => layer.classes !== first.classes)?.layer;
    if (other) {
      throw new DataError(
        `${name}:${other.line}: [yolo] classes=${other.classes}, the one on line ${first.line} has ${first.classes}; give all the same`,
      );
    }
    this.config = { cfg: text };
    this.layers = modules;
    this.numClasses = first.classes;
    this.stride = Math.max(...shapes.map(({ stride }) => stride));
    this.#cfg = cfg;
    this.#heads = heads;
    for (const { layer, at } of heads) this.#expectLittle(layer, at);
  }

  /**
   * Makes a network from Darknet's files. Throws DataError for files that cannot be used.
   * @param cfg The text of the .cfg file.
   * @param weights The bytes of the .weights file. Default: random weights.
   * @param options Seed or generator of random weights, and the name for messages.
   */
  static fromDarknet(cfg: string, weights?: Uint8Array, options: FromDarknetOptions = {}): YOLO {
    return ofDarknet(cfg, weights, options);
  }

  /** The size in the [net] section of the .cfg: [height, width] in pixels. Other multiples of `stride` work as well. */
  get imageSize(): readonly [number, number] {
    return [this.#cfg.net.height, this.#cfg.net.width];
  }

  /**
   * Takes the weights of a Darknet .weights file. Throws DataError for a file of another size.
   * @param bytes The file.
   * @param options `layers`: how many of the first layers the file holds; default all. Files to start a training from hold the
   * backbone alone (`darknet53.conv.74`: 75). `name`: of the file, for messages.
   */
  loadDarknet(
    bytes: Uint8Array,
    options: { readonly name?: string; readonly layers?: number } = {},
  ): DarknetHeader {
    const { name, layers } = withDefaults('YOLO: loadDarknet', options, {
      name: 'weights',
      layers: this.layers.length,
    });
    const { header, weights } = decodeDarknetWeights(bytes, this.layers.slice(0, layers), name);
    for (const [key, state] of this.namedStates()) {
      const entry = weights.get(key);
      if (entry) state.set(entry.data);
    }
    return header;
  }

  /**
   * Writes a Darknet .weights file. Throws StateDictError where tensors are missing or have other shapes.
   * @param weights A state dict of this network.
   * @param header Version and number of images seen. Default: version 0.2.5, none seen.
   */
  encodeDarknet(weights: StateDict, header?: Partial<DarknetHeader>): Uint8Array<ArrayBuffer> {
    return encodeDarknetWeights(header ? { header, weights } : { weights }, this.layers);
  }

  /**
   * The parts that are frozen and given a learning rate together, from the input to the output: the two halves of the backbone, and the
   * head, which is what follows the last layer before the first yolo layer that is no convolution.
   */
  layerGroups(): { readonly name: string; readonly parameters: readonly Parameter[] }[] {
    const body = this.#body;
    const ends = [Math.ceil(body / 2), body, this.layers.length];
    return ['body.0', 'body.1', 'head'].flatMap((name, i) => {
      const parameters = this.layers
        .slice(ends[i - 1] ?? 0, ends[i])
        .flatMap((layer) => layer?.parameters() ?? []);
      return parameters.length > 0 ? [{ name, parameters }] : [];
    });
  }

  /** The number of layers of the backbone. */
  get #body(): number {
    const first = this.#heads[0]!.at;
    return this.#cfg.layers.slice(0, first).findLastIndex(({ type }) => type !== 'convolutional') + 1;
  }

  /** Sets the biases so that before training every prediction has the objectness PRIOR. */
  #expectLittle({ mask, classes }: DarknetYOLO, at: number): void {
    const before = this.layers[at - 1];
    if (!(before instanceof DarknetConvLayer) || !before.conv.bias) return;
    const { bias } = before.conv;
    const { initial } = bias.state;
    mask.forEach((_, i) => {
      initial[i * (5 + classes) + 4] = -Math.log((1 - PRIOR) / PRIOR);
    });
  }

  /**
   * The inputs of the yolo layers, [N,h,w,B (5 + numClasses)] each: for each of B anchors x, y, w, h, objectness and classes,
   * before any activation.
   * @param images f32 [N,H,W,C] in 0..1, H and W multiples of `stride`. Throws ShapeError for other shapes.
   */
  forward(images: Tensor): Tensor[] {
    const outputs = this.#outputs(images);
    return this.#heads.map(({ at }) => outputs[at]!);
  }

  /**
   * The map of a layer [N,h,w,C], and the number of the layer in the .cfg.
   * @param images As of `forward`.
   * @param options `layer`: the number of the layer in the .cfg, from 0. Default: the last map of the backbone, that of the last layer before the
   * first yolo layer that is no convolution, as for `layerGroups`. Throws UsageError for a layer that there is not.
   */
  features(
    images: Tensor,
    options: { readonly layer?: number } = {},
  ): { readonly map: Tensor; readonly layer: number } {
    const { layer } = withDefaults('YOLO: features', options, { layer: Math.max(this.#body - 1, 0) });
    const last = this.layers.length - 1;
    if (!Number.isInteger(layer) || layer < 0 || layer > last) {
      throw new UsageError(`YOLO: features: layer is ${shownValue(layer)}; the .cfg has layers 0 to ${last}`);
    }
    return { map: this.#outputs(images)[layer]!, layer };
  }

  /** The results of all layers. */
  #outputs(images: Tensor): Tensor[] {
    const { channels } = this.#cfg.net;
    const [, H = 0, W = 0, C] = images.shape;
    const { stride } = this;
    if (images.shape.length !== 4 || C !== channels || H % stride !== 0 || W % stride !== 0) {
      throw new ShapeError(
        `YOLO: images ${formatShape(images.shape)} must be [N,H,W,${channels}] with H and W multiples of ${stride}`,
      );
    }
    return runDarknet(this.#cfg.layers, this.layers, images);
  }

  /** All predictions [N,A,5 + K], by yolo layer, row, column and anchor, and the grid that they belong to. */
  #predict(images: Tensor): { raw: Tensor; grid: YOLOGrid } {
    const [N, H, W] = images.shape as [number, number, number];
    const levels = this.forward(images);
    const raw = concat(
      levels.map((level) => level.reshape([N, -1, 5 + this.numClasses])),
      1,
    );
    const cells: number[] = [];
    const sizes: number[] = [];
    const anchors: number[] = [];
    const scales: number[] = [];
    const heads = levels.map((level, k) => {
      const [, h, w] = level.shape as [number, number, number];
      const { layer } = this.#heads[k]!;
      const offset = scales.length;
      for (let i = 0; i < h * w; i++) {
        for (const n of layer.mask) {
          cells.push(i % w, Math.floor(i / w));
          sizes.push(W / w, H / h);
          anchors.push(...layer.anchors[n]!);
          scales.push(layer.scaleXy);
        }
      }
      return { layer, offset, rows: h, columns: w };
    });
    const A = scales.length;
    return {
      raw,
      grid: {
        imageSize: [H, W],
        heads,
        cells: tensor(cells, [A, 2]),
        sizes: tensor(sizes, [A, 2]),
        anchors: tensor(anchors, [A, 2]),
        scales: tensor(scales, [A, 1]),
      },
    };
  }

  /**
   * The losses of a batch, `box`, `objectness` and `classification`, as Darknet computes them: for each image the sum over its
   * predictions, then the mean over images. Throws DataError for a .cfg whose truth_thresh is not 1.
   * @param images As of `forward`.
   * @param targets The objects of the images.
   */
  losses(
    images: Tensor,
    targets: DetectionTargets,
  ): { box: Tensor; objectness: Tensor; classification: Tensor } {
    const { raw, grid } = this.#predict(images);
    return yoloLosses(raw, grid, decode(raw.detach(), grid), targets);
  }

  /**
   * The best detections of each image, by NMS per class. A score is objectness times the class's. As in Darknet, one box may be
   * detected as several classes, and boxes are clipped to the image after NMS.
   * @param images As of `forward`.
   * @param options Defaults: scoreThreshold 0.05, iouThreshold 0.45, maxDetections 100, candidates 1000 in all.
   */
  detect(images: Tensor, options: DetectOptions = {}): Detections {
    const { scoreThreshold, iouThreshold, maxDetections, candidates } = withDefaults(
      'YOLO: detect',
      options,
      { scoreThreshold: 0.05, iouThreshold: 0.45, maxDetections: 100, candidates: 1000, resize: undefined },
    );
    const K = this.numClasses;
    const { raw, grid } = this.#predict(images);
    const [N, A] = raw.shape as [number, number];
    const all = decode(raw, grid);
    const scored = mul(sigmoid(part(raw, 4, 5)), sigmoid(part(raw, 5, 5 + K)));
    // The best scores are among the predictions with the best scores: sorting those first leaves little to sort.
    const top = topk(amax(scored, { dim: -1 }), Math.min(candidates, A));
    const rows = top.indices.shape[1]!;
    const best = topk(
      gatherRows(scored, top.indices, 1).reshape([N, rows * K]),
      Math.min(candidates, rows * K),
    );
    const label = remainder(best.indices, K);
    const boxes = gatherRows(all, gatherRows(top.indices, div(best.indices, K), 1), 1);
    const kept = batchedNms(boxes, best.values, label, {
      iouThreshold,
      scoreThreshold,
      maxDetections: Math.min(maxDetections, label.shape[1]!),
    });
    const [H, W] = grid.imageSize;
    const clipped = minimum(maximum(boxes, 0), tensor([W, H, W, H]));
    return {
      boxes: gatherRows(clipped, kept.indices, 1),
      scores: gatherRows(best.values, kept.indices, 1),
      labels: gatherRows(label, kept.indices, 1),
      count: kept.count,
    };
  }
}

// Outside of the class: of one that names itself, bundlers change the name that messages show.
function ofDarknet(cfg: string, weights: Uint8Array | undefined, options: FromDarknetOptions): YOLO {
  const model = new YOLO({ ...options, cfg });
  if (weights) model.loadDarknet(weights, { name: `${options.name ?? 'cfg'}'s weights` });
  return model;
}

const part = (raw: Tensor, start: number, end: number): Tensor => slice(raw, [[], [], [start, end]]);

/** Boxes [N,A,4], xyxy in pixels: centres (sigmoid(t) + cell) size, sides exp(t) anchor (Redmon and Farhadi 2018, §2.1). */
function decode(raw: Tensor, { cells, sizes, anchors, scales, heads }: YOLOGrid): Tensor {
  const inside = sigmoid(part(raw, 0, 2));
  const wide = heads.some(({ layer }) => layer.scaleXy !== 1);
  const place = wide ? add(mul(affine(inside, 1, -0.5), scales), 0.5) : inside;
  const centre = mul(add(place, cells), sizes);
  const half = mul(exp(part(raw, 2, 4)), affine(anchors, 0.5));
  return concat([sub(centre, half), add(centre, half)], -1);
}

/**
 * YOLOv3 with random weights (Redmon and Farhadi 2018): Darknet-53 and three yolo layers, of strides 32, 16 and 8.
 * @param options `numClasses` must be given. Throws DataError for invalid numbers.
 */
export function yolov3(options: YOLOv3Options & SeedOptions): YOLO {
  const { seed, generator, ...others } = objectOf('yolov3', options);
  return new YOLO({ seed, generator, cfg: yolov3Cfg(others), name: 'yolov3' });
}

/**
 * YOLOv3-tiny with random weights: seven convolutions with max pools between them, and yolo layers of strides 32 and 16.
 * @param options `numClasses` must be given. Throws DataError for invalid numbers.
 */
export function yolov3Tiny(options: YOLOv3Options & SeedOptions): YOLO {
  const { seed, generator, ...others } = objectOf('yolov3Tiny', options);
  return new YOLO({ seed, generator, cfg: yolov3TinyCfg(others), name: 'yolov3Tiny' });
}

/**
 * Yolo-Fastest 1.1 with random weights: inverted residuals, spatial pyramid pooling, and yolo layers of strides 32 and 16. 350,000
 * parameters with 80 classes.
 * @param options `numClasses` must be given. Throws DataError for invalid numbers.
 */
export function yoloFastest(options: YOLOv3Options & SeedOptions): YOLO {
  const { seed, generator, ...others } = objectOf('yoloFastest', options);
  return new YOLO({ seed, generator, cfg: yoloFastestCfg(others), name: 'yoloFastest' });
}
