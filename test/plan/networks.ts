import { FoveaLayers } from '../../bench/src/networks/foveaLayers.ts';
import { type ConvShape, MEAN, STD } from '../../bench/src/networks/layers.ts';
import { mobilenet, type Net, resnet18 } from '../../bench/src/networks/nets.ts';
import type { Caps } from '../../src/device/caps.ts';
import { backward } from '../../src/graph/backward.ts';
import { conv2d } from '../../src/graph/functions/conv.ts';
import { add } from '../../src/graph/functions/elementwise.ts';
import { crossEntropy } from '../../src/graph/functions/losses.ts';
import { linear } from '../../src/graph/functions/reduce.ts';
import { cast } from '../../src/graph/functions/shape.ts';
import { loadStrategies } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { record } from '../../src/graph/recorder.ts';
import { Tensor } from '../../src/graph/tensor.ts';
import { FasterRCNN } from '../../src/models/fasterRcnn.ts';
import { MaskRCNN } from '../../src/models/maskRcnn.ts';
import { SMALL_RESNET } from '../../src/models/resnet.ts';
import { RetinaNet } from '../../src/models/retinanet.ts';
import { UNet } from '../../src/models/unet.ts';
import type { Conv2d, Linear } from '../../src/nn/layers.ts';
import type { Module } from '../../src/nn/module.ts';
import { AdamW } from '../../src/nn/optimizers.ts';
import { lower } from '../../src/plan/lower.ts';
import type { Lowered } from '../../src/plan/storage.ts';
import type { DType, Shape } from '../../src/shape.ts';

await loadStrategies(Object.values(operations));

/** Adapters as kernels see them: a GPU, lavapipe and SwiftShader. */
export const ADAPTERS: Readonly<Record<'gpu' | 'lavapipe' | 'swiftshader', Caps>> = {
  gpu: caps('tile', 0),
  lavapipe: caps('subgroup', 8),
  swiftshader: caps('subgroup', 4),
};

function caps(family: Caps['family'], subgroupSize: number): Caps {
  return { family, subgroupSize, f16: true, maxBindingSize: 2 ** 31 - 4, maxStorageBuffers: 8 };
}

/** ResNet-50 (He et al. 2016), 1,000 classes. */
export const resnet50: Net = (l, images) => {
  const unit = (name: string, x: typeof images, out: number, shape: ConvShape) =>
    l.batchNorm(`${name}.bn`, l.conv(`${name}.conv`, x, out, shape));
  let x = l.relu(unit('stem', images, 64, { kernel: 7, stride: 2, padding: 3 }));
  x = l.maxPool(x, 3, 2, 1);
  for (const [stage, blocks] of [3, 4, 6, 3].entries()) {
    const width = 64 * 2 ** stage;
    for (let block = 0; block < blocks; block++) {
      const name = `layer${stage}.${block}`;
      const stride = block === 0 && stage > 0 ? 2 : 1;
      const narrow = l.relu(unit(`${name}.1`, x, width, { kernel: 1 }));
      const inner = l.relu(unit(`${name}.2`, narrow, width, { stride, padding: 1 }));
      const wide = unit(`${name}.3`, inner, 4 * width, { kernel: 1 });
      const shortcut = block === 0 ? unit(`${name}.4`, x, 4 * width, { kernel: 1, stride }) : x;
      x = l.relu(l.add(wide, shortcut));
    }
  }
  return [l.linear('fc', l.pool(x), 1000)];
};

const input = (shape: Shape, dtype: DType = 'f32'): Tensor =>
  new Tensor({ shape, dtype }, { kind: 'input', name: 'x' });

/** Weights in f32, activations and products in f16. */
class HalfLayers extends FoveaLayers {
  #member<L extends Module>(name: string, make: () => void): L {
    if (!(name in this)) make();
    return (this as unknown as Record<string, L>)[name]!;
  }

  override conv(name: string, x: Tensor, out: number, shape: ConvShape = {}): Tensor {
    const { stride = 1, padding = 0 } = shape;
    const make = () => super.conv(name, input(x.shape), out, shape);
    const { weight } = this.#member<Conv2d>(name, make);
    return conv2d(x, cast(weight.tensor, 'f16'), undefined, { stride, padding });
  }

  override linear(name: string, x: Tensor, out: number): Tensor {
    const { weight, bias } = this.#member<Linear>(name, () => super.linear(name, input(x.shape), out));
    return linear(x, cast(weight.tensor, 'f16'), bias && cast(bias.tensor, 'f16'));
  }
}

/** What a network computes from its inputs, training or not, with its running statistics and an optimizer. */
export interface Network {
  readonly module: Module;
  forward(): Readonly<Record<string, Tensor>>;
  loss(): Tensor;
}

function classifier(net: Net, [batch, ...size]: Shape, half = false): Network {
  const module = half ? new HalfLayers() : new FoveaLayers();
  const images = () => input([batch!, ...size], half ? 'f16' : 'f32');
  const forward = () => ({ y: cast(net(module, images())[0]!, 'f32') });
  forward();
  return { module, forward, loss: () => crossEntropy(forward().y, input([batch!], 'i32')) };
}

export function unet(shape: Shape, width = 32, depth = 4, checkpoint = false, numClasses = 21): Network {
  const normalization = { mean: MEAN, std: STD };
  const module = new UNet({ width, depth, numClasses, normalization });
  module.checkpoint = checkpoint;
  return {
    module,
    forward: () => ({ y: module.forward(input(shape)) }),
    loss: () => module.losses(input(shape), input(shape.slice(0, 3), 'i32')).segmentation,
  };
}

const LARGE = {
  backbone: { ...SMALL_RESNET, width: 64, depth: [2, 2, 2, 2] },
  pyramidWidth: 128,
  headDepth: 2,
  extraLevels: 'p6p7',
  numClasses: 20,
} as const;

/** Eight objects an image. */
const targets = ([batch = 0]: Shape) => ({
  boxes: input([batch, 8, 4]),
  labels: input([batch, 8], 'i32'),
  counts: input([batch], 'i32'),
});

export function retinanet(shape: Shape, config = {}, checkpoint = false): Network {
  const module = new RetinaNet({ numClasses: 1, ...config });
  module.backbone.body.checkpoint = checkpoint;
  return {
    module,
    forward: () => module.detect(input(shape)),
    loss: () => {
      const { classification, bbox_regression } = module.losses(input(shape), targets(shape));
      return add(classification, bbox_regression);
    },
  };
}

/** A small Faster R-CNN, or a Mask R-CNN. */
function rcnn(kind: 'boxes' | 'masks', [N, H, W]: readonly [number, number, number]): Network {
  const shape = [N, H, W, 3];
  const backbone = { ...SMALL_RESNET, width: 8 };
  const module =
    kind === 'boxes'
      ? new FasterRCNN({ backbone, pyramidWidth: 16, numClasses: 2 })
      : new MaskRCNN({ backbone, pyramidWidth: 16, numClasses: 2 });
  return {
    module,
    forward: () => module.detect(input(shape)),
    loss: () => {
      const objects = { ...targets(shape), masks: input([N, 8, H, W]) };
      const losses = module.losses(input(shape), objects, { seed: input([], 'i32') });
      return Object.values(losses).reduce((a, b) => add(a, b));
    },
  };
}

/** Every architecture, in several sizes and batches. */
export const networks: Readonly<Record<string, () => Network>> = {
  'ResNet-18 at 224, batch 1': () => classifier(resnet18, [1, 224, 224, 3]),
  'ResNet-18 at 112, batch 1': () => classifier(resnet18, [1, 112, 112, 3]),
  'ResNet-18 at 224, batch 8': () => classifier(resnet18, [8, 224, 224, 3]),
  'ResNet-18 at 224, batch 4, f16': () => classifier(resnet18, [4, 224, 224, 3], true),
  'ResNet-50 at 224, batch 1': () => classifier(resnet50, [1, 224, 224, 3]),
  'ResNet-50 at 224, batch 4': () => classifier(resnet50, [4, 224, 224, 3]),
  'MobileNetV2 at 224, batch 1': () => classifier(mobilenet, [1, 224, 224, 3]),
  'MobileNetV2 at 112, batch 4': () => classifier(mobilenet, [4, 112, 112, 3]),
  'U-Net at 64, batch 1': () => unet([1, 64, 64, 3]),
  'U-Net at 256, batch 4': () => unet([4, 256, 256, 3]),
  'U-Net at 256, batch 4, checkpointed': () => unet([4, 256, 256, 3], 32, 4, true),
  'U-Net at 256x192, batch 2, width 16': () => unet([2, 256, 192, 3], 16, 3),
  'RetinaNet at 256, batch 1': () => retinanet([1, 256, 256, 3], LARGE),
  'RetinaNet at 256, batch 4': () => retinanet([4, 256, 256, 3], LARGE),
  'RetinaNet at 256, batch 4, checkpointed': () => retinanet([4, 256, 256, 3], LARGE, true),
  'RetinaNet at 320x480, batch 2, width 16': () => retinanet([2, 320, 480, 3]),
  'Faster R-CNN at 256, batch 1': () => rcnn('boxes', [1, 256, 256]),
  'Faster R-CNN at 128x160, batch 4': () => rcnn('boxes', [4, 128, 160]),
  'Mask R-CNN at 256, batch 1': () => rcnn('masks', [1, 256, 256]),
  'Mask R-CNN at 128x160, batch 4': () => rcnn('masks', [4, 128, 160]),
};

/** A network's inference, or its training step, as a program. */
export function lowered(network: Network, mode: 'inference' | 'training', adapter: Caps): Lowered {
  network.module.train(mode === 'training');
  const { result, recording } = record((): Readonly<Record<string, Tensor>> => {
    if (mode === 'inference') return network.forward();
    const loss = network.loss();
    backward(loss);
    const { gradNorm } = new AdamW(network.module.parameters(), { lr: 1e-3 }).step();
    return { loss, gradNorm };
  });
  return lower(adapter, Object.values(result), recording.effects);
}
