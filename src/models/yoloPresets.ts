import { DataError } from '../errors.ts';
import { objectOf, withDefaults } from '../options.ts';

/** Options of `yolov3`, `yolov3Tiny` and `yoloFastest`, and of the functions that write their .cfg. */
export interface YOLOv3Options {
  /** The number of classes, labels 0 to numClasses - 1. */
  readonly numClasses: number;
  /**
   * [width, height] in pixels of the network's input, smallest first, the same number for each yolo layer. Default: the
   * paper's, fit to COCO.
   */
  readonly anchors?: readonly (readonly [number, number])[];
  /**
   * What all numbers of channels but those of predictions are multiplied by; the results are rounded up to multiples of 4.
   * Default 1.
   */
  readonly width?: number;
  /** [height, width] in pixels that the .cfg names. Default [416, 416], of Yolo-Fastest [320, 320]. */
  readonly imageSize?: readonly [number, number];
}

/** k-means over COCO's boxes at 416x416 (Redmon and Farhadi 2018, §2.3), and over fewer clusters for tiny. */
const YOLOV3_ANCHORS = [
  [10, 13],
  [16, 30],
  [33, 23],
  [30, 61],
  [62, 45],
  [59, 119],
  [116, 90],
  [156, 198],
  [373, 326],
] as const;
const YOLOV3_TINY_ANCHORS = [
  [10, 14],
  [23, 27],
  [37, 58],
  [81, 82],
  [135, 169],
  [344, 319],
] as const;
/** Of yolo-fastest-1.1.cfg, at 320x320. */
const YOLO_FASTEST_ANCHORS = [
  [12, 18],
  [37, 49],
  [52, 132],
  [115, 73],
  [119, 199],
  [242, 238],
] as const;

/** Writes a .cfg. */
class Cfg {
  readonly #lines: string[] = [];
  readonly #options: YOLOv3Options;
  readonly #anchors: readonly (readonly [number, number])[];
  readonly #heads: number;
  #written = 0;

  constructor(
    name: string,
    options: YOLOv3Options,
    heads: number,
    standard: readonly (readonly [number, number])[],
    side = 416,
  ) {
    const { numClasses, anchors, width, imageSize } = withDefaults(name, options, {
      numClasses: objectOf(name, options).numClasses,
      anchors: standard,
      width: 1,
      imageSize: [side, side],
    });
    if (anchors.length === 0 || anchors.length % heads !== 0) {
      throw new DataError(
        `${name}: ${anchors.length} anchors for ${heads} yolo layers; give a multiple of ${heads}`,
      );
    }
    if (!(width > 0) || !Number.isInteger(numClasses) || numClasses < 1) {
      throw new DataError(
        `${name}: width ${width} and numClasses ${numClasses}; give a number above 0 and a whole one from 1 on`,
      );
    }
    this.#options = options;
    this.#anchors = anchors;
    this.#heads = heads;
    this.section('net', { width: imageSize[1], height: imageSize[0], channels: 3 });
  }

  section(type: string, values: Readonly<Record<string, string | number>>): this {
    this.#lines.push(`[${type}]`, ...Object.entries(values).map(([key, value]) => `${key}=${value}`), '');
    return this;
  }

  #scaled(filters: number): number {
    return 4 * Math.ceil((filters * (this.#options.width ?? 1)) / 4);
  }

  conv(filters: number, size: number, stride = 1, activation: 'leaky' | 'linear' = 'leaky'): this {
    return this.section('convolutional', {
      batch_normalize: 1,
      filters: this.#scaled(filters),
      size,
      stride,
      pad: 1,
      activation,
    });
  }

  /** A convolution of each channel by itself. */
  depthwise(filters: number, size: number, stride = 1): this {
    const scaled = this.#scaled(filters);
    return this.section('convolutional', {
      groups: scaled,
      batch_normalize: 1,
      filters: scaled,
      size,
      stride,
      pad: 1,
      activation: 'leaky',
    });
  }

  /** MobileNetV2's block without its shortcut: to `wide` channels, depthwise, and to `filters`. */
  bottleneck(wide: number, filters: number, stride = 1): this {
    return this.conv(wide, 1).depthwise(wide, 3, stride).conv(filters, 1, 1, 'linear');
  }

  route(...layers: number[]): this {
    return this.section('route', { layers: layers.join(',') });
  }

  /** The prediction of the next coarsest anchors. */
  yolo(ignoreThresh: number): this {
    const { numClasses } = this.#options;
    const each = this.#anchors.length / this.#heads;
    const first = each * (this.#heads - 1 - this.#written++);
    this.section('convolutional', {
      size: 1,
      stride: 1,
      pad: 1,
      filters: each * (5 + numClasses),
      activation: 'linear',
    });
    return this.section('yolo', {
      mask: Array.from({ length: each }, (_, i) => first + i).join(','),
      anchors: this.#anchors.map((sides) => sides.join(',')).join(', '),
      classes: numClasses,
      num: this.#anchors.length,
      ignore_thresh: ignoreThresh,
      truth_thresh: 1,
    });
  }

  toString(): string {
    return this.#lines.join('\n');
  }
}

/**
 * Writes the .cfg of YOLOv3: Darknet-53 and three yolo layers, of strides 32, 16 and 8 (Redmon and Farhadi 2018). Throws
 * DataError for invalid numbers.
 */
export function yolov3Cfg(options: YOLOv3Options): string {
  const cfg = new Cfg('yolov3', options, 3, YOLOV3_ANCHORS);
  cfg.conv(32, 3);
  for (const [filters, blocks] of [
    [64, 1],
    [128, 2],
    [256, 8],
    [512, 8],
    [1024, 4],
  ] as const) {
    cfg.conv(filters, 3, 2);
    for (let i = 0; i < blocks; i++) {
      cfg
        .conv(filters / 2, 1)
        .conv(filters, 3)
        .section('shortcut', { from: -3, activation: 'linear' });
    }
  }
  for (const [filters, skip] of [
    [512, undefined],
    [256, 61],
    [128, 36],
  ] as const) {
    if (skip !== undefined) cfg.route(-4).conv(filters, 1).section('upsample', { stride: 2 }).route(-1, skip);
    for (let i = 0; i < 3; i++) cfg.conv(filters, 1).conv(2 * filters, 3);
    cfg.yolo(0.7);
  }
  return String(cfg);
}

/**
 * Writes the .cfg of YOLOv3-tiny: seven convolutions with max pools between them, and yolo layers of strides 32 and 16. Throws
 * DataError for invalid numbers.
 */
export function yolov3TinyCfg(options: YOLOv3Options): string {
  const cfg = new Cfg('yolov3Tiny', options, 2, YOLOV3_TINY_ANCHORS);
  for (const filters of [16, 32, 64, 128, 256, 512]) {
    cfg.conv(filters, 3).section('maxpool', { size: 2, stride: filters === 512 ? 1 : 2 });
  }
  cfg.conv(1024, 3).conv(256, 1).conv(512, 3).yolo(0.7);
  cfg.route(-4).conv(128, 1).section('upsample', { stride: 2 }).route(-1, 8).conv(256, 3).yolo(0.7);
  return String(cfg);
}

/**
 * Writes the .cfg of Yolo-Fastest 1.1 (https://github.com/dog-qiuqiu/Yolo-Fastest): inverted residuals (Sandler et al. 2018), spatial
 * pyramid pooling, and yolo layers of strides 32 and 16, all with depthwise convolutions. Throws DataError for invalid numbers.
 */
export function yoloFastestCfg(options: YOLOv3Options): string {
  const cfg = new Cfg('yoloFastest', options, 2, YOLO_FASTEST_ANCHORS, 320);
  cfg.conv(8, 3, 2);
  for (const [first, filters, stride, wide, blocks] of [
    [8, 4, 1, 8, 1],
    [24, 8, 2, 32, 2],
    [32, 8, 2, 48, 2],
    [48, 16, 1, 96, 4],
    [96, 24, 2, 136, 4],
    [136, 48, 2, 224, 5],
  ] as const) {
    cfg.bottleneck(first, filters, stride);
    for (let i = 0; i < blocks; i++) {
      cfg
        .bottleneck(wide, filters)
        .section('dropout', { probability: 0.15 })
        .section('shortcut', { from: -5, activation: 'linear' });
    }
  }
  cfg.section('maxpool', { size: 3, stride: 1 }).route(-2);
  cfg.section('maxpool', { size: 5, stride: 1 }).route(-4);
  cfg.section('maxpool', { size: 9, stride: 1 }).route(-1, -3, -5, -6);
  cfg.conv(96, 1);
  const predict = (filters: number) => {
    for (let i = 0; i < 2; i++) cfg.depthwise(filters, 5).conv(filters, 1, 1, 'linear');
    cfg.yolo(0.5);
  };
  predict(96);
  // Joins the last layer of stride 16.
  cfg.route(-7).section('upsample', { stride: 2 }).route(-1, 80);
  predict(120);
  return String(cfg);
}
