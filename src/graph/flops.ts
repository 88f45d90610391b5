import { numel } from '../shape.ts';
import type { Node } from './tensor.ts';

/**
 * Multiplications and additions of one operation, by its definition: Winograd's algorithm takes fewer. Of convolutions, matrix
 * products, their gradients and distances between rows; 0 for operations that are not made of products.
 */
export function flopsOf({ op, inputs, outputs }: Node): number {
  const y = outputs.y ? numel(outputs.y.shape) : 0;
  if (op === 'conv2d') return 2 * y * numel(inputs.weight!.shape.slice(0, 3));
  if (op === 'conv_transpose2d') return 2 * numel(inputs.x!.shape) * numel(inputs.weight!.shape.slice(0, 3));
  if (op === 'conv2d_backward_weight') {
    return 2 * numel(inputs.dy!.shape.slice(0, 3)) * numel(outputs.dw!.shape);
  }
  if (op === 'linear') return 2 * y * inputs.weight!.shape[0]!;
  if (op === 'matmul' || op === 'cdist') return 2 * y * inputs.a!.shape.at(-1)!;
  return 0;
}
