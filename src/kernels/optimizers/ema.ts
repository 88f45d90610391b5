import { ShapeError } from '../../errors.ts';
import { formatSpec, numel, sameShape } from '../../shape.ts';
import emaStepShader from '../../wgsl/optimizers/ema_step.wgsl';
import { defineKernel } from '../kernel.ts';

/**
 * One step of a running average: average += weight * (x - average) (PyTorch's lerp_). In place on average, of x's shape;
 * weight: [1].
 */
export const emaStep = defineKernel({
  name: 'ema_step',
  inputs: ['average', 'x', 'weight'],
  outputs: ['newAverage'],
  inPlace: { newAverage: 'average' },
  infer({ average, x, weight }, _attrs: object) {
    if (!sameShape(average.shape, x.shape) || numel(weight.shape) !== 1) {
      throw new ShapeError(
        `ema_step: ${formatSpec('average', average)} must have the shape of ${formatSpec('x', x)}, and ${formatSpec('weight', weight)} be [1]`,
      );
    }
    return { newAverage: average };
  },
  dispatches(_caps, { x }) {
    const total = numel(x.shape);
    return {
      dispatches: [
        { shader: emaStepShader, params: { total }, bind: { average: 'newAverage' }, grid: total },
      ],
    };
  },
});
