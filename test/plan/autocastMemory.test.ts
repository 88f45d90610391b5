import { expect, it } from 'vitest';
import { autocast } from '../../src/graph/autocast.ts';
import { backward } from '../../src/graph/backward.ts';
import { record } from '../../src/graph/recorder.ts';
import { GradScaler } from '../../src/nn/gradScaler.ts';
import { AdamW } from '../../src/nn/optimizers.ts';
import { lower } from '../../src/plan/lower.ts';
import { planMemory } from '../../src/plan/memory.ts';
import { ADAPTERS, lowered, type Network, networks, retinanet, unet } from './networks.ts';

/** Bytes of the temporaries of a training step. */
function bytesOf(name: string, mixed: boolean): number {
  const network = steps[name]!();
  let program = lowered;
  if (mixed) {
    program = ({ module, loss }, _mode, caps) => {
      module.train();
      const optimizer = new AdamW(module.parameters(), { lr: 1e-3 });
      const scaler = new GradScaler();
      const { result, recording } = record(() => {
        const total = autocast(loss);
        backward(scaler.scale(total));
        const { gradNorm } = scaler.step(optimizer);
        scaler.update();
        return [total, gradNorm];
      });
      return lower(caps, result, recording.effects);
    };
  }
  const { slotSizes } = planMemory(program(network, 'training', ADAPTERS.lavapipe));
  return slotSizes.reduce((sum, size) => sum + size, 0);
}

const steps: Readonly<Record<string, () => Network>> = {
  ...networks,
  'the U-Net of fovea demo': () => unet([2, 96, 96, 3], 8, 3, false, 2),
  'the RetinaNet of fovea demo': () => retinanet([4, 128, 128, 3]),
};

// Of those whose activations take more than their weights. With few pixels, kernels need memory for weights that they transform.
it.each([
  'the U-Net of fovea demo',
  'the RetinaNet of fovea demo',
  'U-Net at 256, batch 4',
  'U-Net at 256, batch 4, checkpointed',
  'U-Net at 256x192, batch 2, width 16',
  'RetinaNet at 320x480, batch 2, width 16',
  'Faster R-CNN at 128x160, batch 4',
  'Mask R-CNN at 128x160, batch 4',
  'ResNet-50 at 224, batch 4',
  'MobileNetV2 at 112, batch 4',
])('autocast takes at most 0.6 of the memory of %s', (name) => {
  const [whole, half] = [bytesOf(name, false), bytesOf(name, true)];
  expect(half / whole).toBeLessThanOrEqual(0.6);
});
