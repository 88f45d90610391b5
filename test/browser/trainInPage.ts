import { backward } from '../../src/graph/backward.ts';
import { add } from '../../src/graph/functions/elementwise.ts';
import { tensor } from '../../src/graph/tensor.ts';
import { SMALL_RESNET } from '../../src/models/resnet.ts';
import { RetinaNet } from '../../src/models/retinanet.ts';
import { SGD } from '../../src/nn/optimizers.ts';
import { openGpu } from '../../src/plan/gpu.ts';

declare global {
  interface Window {
    /** Makes a RetinaNet on a ResNet-18 with random weights and takes one step. Returns the loss. */
    trainOnce(): Promise<number>;
  }
}

window.trainOnce = async () => {
  using gpu = await openGpu();
  const backbone = { ...SMALL_RESNET, width: 64, depth: [2, 2, 2, 2] } as const;
  const config = { backbone, pyramidWidth: 128, headDepth: 2, extraLevels: 'p6p7' } as const;
  const model = new RetinaNet({ ...config, numClasses: 20 });
  const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  const step = gpu.capture((images, boxes, labels, counts) => {
    const { classification, bbox_regression } = model.losses(images!, {
      boxes: boxes!,
      labels: labels!,
      counts: counts!,
    });
    const loss = add(classification, bbox_regression);
    backward(loss);
    optimizer.step();
    return { loss };
  });
  const { loss } = await step(
    tensor(new Float32Array(64 * 64 * 3).fill(0.5), [1, 64, 64, 3]),
    tensor([8, 8, 40, 40], [1, 1, 4]),
    tensor(Int32Array.of(3), [1, 1]),
    tensor(Int32Array.of(1)),
  );
  return (await loss.data())[0]!;
};
