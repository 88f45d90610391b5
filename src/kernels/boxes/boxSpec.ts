import { ShapeError } from '../../errors.ts';
import { expectDType, formatSpec, type TensorSpec } from '../../shape.ts';

/** Throws unless the last dimension is 4 (and there is one before it, for a list of boxes). */
export function expectBoxes(op: string, name: string, spec: TensorSpec, minRank: number): void {
  expectDType(op, name, spec, 'f32', 'f16');
  if (spec.shape.length < minRank || spec.shape.at(-1) !== 4) {
    throw new ShapeError(
      `${op}: ${name} must be ${minRank > 1 ? '[..., boxes, 4]' : '[..., 4]'} (x1, y1, x2, y2), got ${formatSpec(name, spec)}`,
    );
  }
}
