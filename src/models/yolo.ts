import { DataError, ShapeError } from '../errors.ts';
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
import type { StateDict } from '../io/safetensors.ts';
import { Module } from '../nn/module.ts';
import { generatorOf, type SeedOptions } from '../nn/random.ts';
import { formatShape } from '../shape.ts';
import { type DarknetCfg, type DarknetYOLO, parseDarknetCfg } from './darknet.ts';
import { buildDarknet, type DarknetConvLayer, runDarknet } from './darknetLayers.ts';
import { type DarknetHeader, decodeDarknetWeights, encodeDarknetWeights } from './darknetWeights.ts';
import type { Detections, DetectionTargets, DetectOptions } from './detection.ts';
import { type YOLOGrid, yoloLosses } from './yoloLosses.ts';
import { type YOLOv3Options, yolov3Cfg, yolov3TinyCfg } from './yoloPresets.ts';

/** Everything that shapes a YOLO; saved with its weights. */
export interface YOLOConfig {
  /** The network, as Darknet writes it. */
  readonly cfg: string;
}

/** Options of `YOLO`: cfg must be given. */
export interface YOLOOptions extends YOLOConfig, SeedOptions {
  /** What messages call the .cfg: its file. Default `cfg`. */
  readonly name?: string;
}

/** Options of `YOLO.fromDarknet`. */
export type FromDarknetOptions = Omit<YOLOOptions, 'cfg'>;

/** The probability that a prediction is said to show an object before training: keeps the first losses small. */
const PRIOR = 0.01;

/**
 * YOLOv3 (Redmon and Farhadi 2018), YOLOv3-tiny, and what else a Darknet .cfg makes of the same sections: a
 * convolutional network whose yolo layers predict boxes, objectness and classes at every cell, from anchors. Decoding,
 * NMS, matching and losses are part of the graph: a detection and a training step are one submission each.
 *
 * Parameters are named by the layer's place in the .cfg: `layers.12.conv.weight`, `layers.12.bn.running_mean`.
 */
export class YOLO extends Module {
  layers: (DarknetConvLayer | undefined)[];
  readonly config: YOLOConfig;
  /** The number of classes, labels 0 to numClasses - 1. */
  readonly numClasses: number;
  /** Image sizes must be multiples of this. */
  readonly stride: number;
  readonly #cfg: DarknetCfg;
  /** The yolo layers, and the places of what they predict from. */
  readonly #heads: readonly { readonly layer: DarknetYOLO; readonly at: number }[];

  /** @param options `cfg` must be given. Throws DataError, with the line, for a .cfg that is none or whose layers do not fit. */
  constructor(options: YOLOOptions) {
    super();
    const { cfg: text, name = 'cfg' } = options;
    const cfg = parseDarknetCfg(text, name);
    const { modules, shapes } = buildDarknet(cfg, generatorOf('YOLO', options));
    const heads = cfg.layers.flatMap((layer, at) => (layer.type === 'yolo' ? [{ layer, at }] : []));
    const first = heads[0]?.layer;
    if (!first) throw new DataError(`${name}: has no [yolo] section; a detector needs one`);
    const other = heads.find(({ layer }) => layer.classes !== first.classes)?.layer;
    if (other) {
      throw new DataError(
        `${name}:${other.line}: [yolo] classes=${other.classes}, the one in line ${first.line} has ${first.classes}; give all the same`,
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
   * A network from a Darknet .cfg and the bytes of its .weights; random weights where none are given. Throws DataError for
   * files that cannot be used.
   */
  static fromDarknet(cfg: string, weights?: Uint8Array, options: FromDarknetOptions = {}): YOLO {
    const model = new YOLO({ ...options, cfg });
    if (weights) model.loadDarknet(weights, { name: `${options.name ?? 'cfg'}'s weights` });
    return model;
  }

  /** The size of the .cfg's [net]: (height, width). Others work as well. */
  get imageSize(): readonly [number, number] {
    return [this.#cfg.net.height, this.#cfg.net.width];
  }

  /**
   * Takes the weights of a .weights file: of all layers, or of the first `layers`, which is what files for training on
   * hold (`darknet53.conv.74`: 75). Throws DataError for a file of another size.
   */
  loadDarknet(bytes: Uint8Array, { name = 'weights', layers = this.layers.length } = {}): DarknetHeader {
    const { header, weights } = decodeDarknetWeights(bytes, this.layers.slice(0, layers), name);
    for (const [key, state] of this.namedStates()) {
      const entry = weights.get(key);
      if (entry) state.set(entry.data);
    }
    return header;
  }

  /** The bytes of a .weights file of these weights: a state dict of this network. */
  encodeDarknet(weights: StateDict, header?: Partial<DarknetHeader>): Uint8Array<ArrayBuffer> {
    return encodeDarknetWeights(header ? { header, weights } : { weights }, this.layers);
  }

  /** Before training, every prediction says that it shows nothing. */
  #expectLittle({ mask, classes }: DarknetYOLO, at: number): void {
    const bias = this.layers[at - 1]?.conv.bias;
    if (!bias) return;
    const { initial } = bias.state;
    mask.forEach((_, i) => {
      initial[i * (5 + classes) + 4] = -Math.log((1 - PRIOR) / PRIOR);
    });
  }

  /**
   * images: [N,H,W,C] in 0..1, H and W multiples of `stride`. What each yolo layer predicts from: [N,h,w,B (5 + K)],
   * for each of B anchors x, y, w, h, objectness and K classes, before any function.
   */
  forward(images: Tensor): Tensor[] {
    const { channels } = this.#cfg.net;
    const [, H = 0, W = 0, C] = images.shape;
    const { stride } = this;
    if (images.shape.length !== 4 || C !== channels || H % stride !== 0 || W % stride !== 0) {
      throw new ShapeError(
        `YOLO: images ${formatShape(images.shape)} must be [N,H,W,${channels}] with H and W multiples of ${stride}`,
      );
    }
    const outputs = runDarknet(this.#cfg.layers, this.layers, images);
    return this.#heads.map(({ at }) => outputs[at]!);
  }

  /** All predictions [N,A,5 + K], the yolo layers' in their order, by row, column and anchor; and where they stand. */
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
   * The losses of the paper with Darknet's weights, for each image the sum over its predictions, then the mean over images:
   * see yoloLosses. Targets as for RetinaNet: labels count from 0.
   */
  losses(
    images: Tensor,
    targets: DetectionTargets,
  ): { box: Tensor; objectness: Tensor; classification: Tensor } {
    const { raw, grid } = this.#predict(images);
    return yoloLosses(raw, grid, decode(raw.detach(), grid), targets);
  }

  /**
   * The best detections of each image, best first, padded to maxDetections: boxes [N,D,4], scores [N,D], labels
   * i32 [N,D], count i32 [N]. Entries from count on are zeros. A score is objectness times class; as in Darknet a box may
   * be found as several classes, and NMS is for each class, of boxes that are clipped to the image only afterwards.
   */
  detect(
    images: Tensor,
    {
      scoreThreshold = 0.05,
      iouThreshold = 0.45,
      maxDetections = 100,
      candidates = 1000,
    }: DetectOptions = {},
  ): Detections {
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
    const options = { iouThreshold, scoreThreshold, maxDetections: Math.min(maxDetections, label.shape[1]!) };
    const kept = batchedNms(boxes, best.values, label, options);
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

/** YOLOv3 with random weights: see yolov3Cfg. */
export const yolov3 = (options: YOLOv3Options & SeedOptions): YOLO =>
  new YOLO({ ...seedsOf(options), cfg: yolov3Cfg(options), name: 'yolov3' });

/** YOLOv3-tiny with random weights: see yolov3TinyCfg. */
export const yolov3Tiny = (options: YOLOv3Options & SeedOptions): YOLO =>
  new YOLO({ ...seedsOf(options), cfg: yolov3TinyCfg(options), name: 'yolov3Tiny' });

const seedsOf = ({ seed, generator }: SeedOptions): SeedOptions => ({ seed, generator });
