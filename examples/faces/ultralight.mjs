// A network of somebody else's, written over its weights: the face detector Ultra-Light-Fast-Generic-Face-Detector-1MB (RFB-320, by
// Linzaer, MIT). Fields have the names of the state dict, so that loadStateDict(await loadWeights('version-RFB-320.pth')) fits.
import { add, boxDecode, concat, relu, softmax, tensor } from 'fovea';
import { BatchNorm2d, Conv2d, Module, ReLU, Sequential } from 'fovea/nn';

/** @typedef {import('fovea').Tensor} Tensor */
/** @typedef {{ stride?: number, padding?: number, dilation?: number, groups?: number, relu?: boolean }} Options */

/** Convolution, batch norm and ReLU, by names. */
class BasicConv extends Module {
  /** @param {number} from @param {number} to @param {number} size @param {Options} [options] */
  constructor(from, to, size, { relu: active = true, ...options } = {}) {
    super();
    this.conv = new Conv2d(from, to, size, { ...options, bias: false });
    this.bn = new BatchNorm2d(to);
    this.active = active;
  }

  /** @param {Tensor} x */
  forward(x) {
    const y = this.bn.forward(this.conv.forward(x));
    return this.active ? relu(y) : y;
  }
}

/** Receptive field block (Liu, Huang and Wang 2018): three branches that see areas of different sizes. */
class ReceptiveField extends Module {
  /** @param {number} channels */
  constructor(channels) {
    super();
    const [narrow, wide] = [channels / 8, channels / 4];
    this.branch0 = new Sequential(
      new BasicConv(channels, narrow, 1, { relu: false }),
      new BasicConv(narrow, wide, 3, { padding: 1 }),
      new BasicConv(wide, wide, 3, { padding: 2, dilation: 2, relu: false }),
    );
    this.branch1 = new Sequential(
      new BasicConv(channels, narrow, 1, { relu: false }),
      new BasicConv(narrow, wide, 3, { padding: 1 }),
      new BasicConv(wide, wide, 3, { padding: 3, dilation: 3, relu: false }),
    );
    this.branch2 = new Sequential(
      new BasicConv(channels, narrow, 1, { relu: false }),
      new BasicConv(narrow, (wide + narrow) / 2, 3, { padding: 1 }),
      new BasicConv((wide + narrow) / 2, wide, 3, { padding: 1 }),
      new BasicConv(wide, wide, 3, { padding: 5, dilation: 5, relu: false }),
    );
    this.ConvLinear = new BasicConv(3 * wide, channels, 1, { relu: false });
    this.shortcut = new BasicConv(channels, channels, 1, { relu: false });
  }

  /** @param {Tensor} x */
  forward(x) {
    const branches = [this.branch0, this.branch1, this.branch2].map((branch) => branch.forward(x));
    return relu(add(this.ConvLinear.forward(concat(branches, -1)), this.shortcut.forward(x)));
  }
}

/** @param {number} from @param {number} to @param {number} stride */
const block = (from, to, stride) => [
  new Conv2d(from, to, 3, { stride, padding: 1, bias: false }),
  new BatchNorm2d(to),
  new ReLU(),
];
/** Depthwise, then pointwise. @param {number} from @param {number} to @param {number} stride */
const depthwise = (from, to, stride) =>
  new Sequential(
    new Conv2d(from, from, 3, { stride, padding: 1, groups: from, bias: false }),
    new BatchNorm2d(from),
    new ReLU(),
    ...[new Conv2d(from, to, 1, { bias: false }), new BatchNorm2d(to), new ReLU()],
  );
/** As `depthwise`, with biases and without batch norms. @param {number} from @param {number} to @param {number} [stride] */
const separable = (from, to, stride = 1) =>
  new Sequential(
    new Conv2d(from, from, 3, { stride, padding: 1, groups: from }),
    new ReLU(),
    new Conv2d(from, to, 1),
  );

/** Sides of the anchors of each level, in pixels, and the pixels from one cell of it to the next. */
const LEVELS = [
  { stride: 8, sides: [10, 16, 24] },
  { stride: 16, sides: [32, 48] },
  { stride: 32, sides: [64, 96] },
  { stride: 64, sides: [128, 192, 256] },
];
/** The weights of offsets: the inverse of the network's "variances", 0.1 and 0.2. */
export const WEIGHTS = /** @type {const} */ ([10, 10, 5, 5]);

/** Anchors as x1, y1, x2, y2 in pixels [A,4]: cells divide the image evenly, sides end at it. @param {number} H @param {number} W */
export function anchorsFor(H, W) {
  const boxes = LEVELS.flatMap(({ stride, sides }) => {
    const [rows, columns] = [Math.ceil(H / stride), Math.ceil(W / stride)];
    return Array.from({ length: rows * columns }, (_, cell) => {
      const cx = (((cell % columns) + 0.5) * W) / columns;
      const cy = ((Math.floor(cell / columns) + 0.5) * H) / rows;
      return sides.flatMap((side) => {
        const [w, h] = [Math.min(side, W) / 2, Math.min(side, H) / 2];
        return [cx - w, cy - h, cx + w, cy + h];
      });
    }).flat();
  });
  return tensor(boxes, [boxes.length / 4, 4]);
}

export class UltraLightFace extends Module {
  constructor() {
    super();
    /** Channels before and after, and the stride. @type {[number, number, number][]} */
    const pairs = [
      [16, 32, 1],
      [32, 32, 2],
      [32, 32, 1],
      [32, 64, 2],
      [64, 64, 1],
      [64, 64, 1],
    ];
    /** @type {[number, number, number][]} */
    const deeper = [
      [64, 128, 2],
      [128, 128, 1],
      [128, 128, 1],
      [128, 256, 2],
      [256, 256, 1],
    ];
    this.base_net = [
      new Sequential(...block(3, 16, 2)),
      ...pairs.map((sizes) => depthwise(...sizes)),
      new ReceptiveField(64),
      ...deeper.map((sizes) => depthwise(...sizes)),
    ];
    this.extras = [new Sequential(new Conv2d(256, 64, 1), new ReLU(), separable(64, 256, 2), new ReLU())];
    /** @param {number} values */
    const heads = (values) => [
      ...[64, 128, 256].map((channels, i) =>
        separable(channels, values * /** @type {number} */ (LEVELS[i]?.sides.length)),
      ),
      new Conv2d(256, values * 3, 3, { padding: 1 }),
    ];
    this.classification_headers = heads(2);
    this.regression_headers = heads(4);
  }

  /**
   * Images [N,H,W,3] of (value - 127) / 128 to logits [N,A,2] of background and face, and offsets [N,A,4] from anchors.
   *
   * @param {Tensor} images
   */
  forward(images) {
    /** @type {Tensor[]} */
    const levels = [];
    let x = images;
    for (const [i, layer] of [...this.base_net, ...this.extras].entries()) {
      x = layer.forward(x);
      if ([7, 10, 12, 13].includes(i)) levels.push(x);
    }
    const N = /** @type {number} */ (images.shape[0]);
    /** @param {readonly (Module & { forward(x: Tensor): Tensor })[]} heads @param {number} values */
    const all = (heads, values) =>
      concat(
        levels.map((level, i) =>
          /** @type {typeof heads[0]} */ (heads[i]).forward(level).reshape([N, -1, values]),
        ),
        1,
      );
    return { logits: all(this.classification_headers, 2), offsets: all(this.regression_headers, 4) };
  }

  /** Scores [N,A,2], and boxes [N,A,4] in pixels. @param {Tensor} images */
  detect(images) {
    const [, H = 0, W = 0] = images.shape;
    const { logits, offsets } = this.forward(images);
    return { scores: softmax(logits), boxes: boxDecode(offsets, anchorsFor(H, W), { weights: WEIGHTS }) };
  }
}
