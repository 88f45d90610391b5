import { NumericError } from '../errors.ts';
import { evaluate, toReference, type Values } from '../graph/evaluate.ts';
import { baseOf, type Origin, type Tensor } from '../graph/tensor.ts';
import type { Program } from './program.ts';

/**
 * FOVEA_VALIDATE=1: runs each operation by itself, computes the same from the same inputs by the float64
 * reference, and throws NumericError at the first element that differs: which operation, index, both values.
 * Errors of one operation do not carry over to the next, as its inputs are read back from the device.
 */
export async function validate(program: Program): Promise<void> {
  await program.runEach(async (op, read) => {
    const known: Values = new Map();
    let inputScale = 1;
    for (const [tensor, storage] of program.tensorsOf(op.reads)) {
      const values = toReference(await read(storage));
      known.set(tensor, values);
      inputScale = Math.max(inputScale, largestOf(values));
    }
    for (const [tensor, storage] of program.tensorsOf(op.writes)) {
      if (storage.state || !op.nodes.some((origin) => isOutput(origin, tensor))) continue;
      known.delete(tensor);
      const got = await read(storage);
      const want = evaluate([baseOf(tensor)], known)[0]!;
      // Differences of large inputs keep the inputs' rounding, however small they are themselves. Masks are no inputs.
      const allowed = 1e-3 * largestOf(want) + 1e-5 * Math.min(inputScale, 1e4);
      for (let i = 0; i < want.length; i++) {
        const error = Math.abs(got[i]! - want[i]!);
        if (error > allowed || Number.isNaN(got[i]!) !== Number.isNaN(want[i]!)) {
          throw new NumericError(
            `${op.label}: element ${i} of ${storage.label} is ${got[i]}, its reference ${want[i]}`,
          );
        }
      }
    }
  });
}

const isOutput = (origin: Origin, tensor: Tensor): boolean =>
  origin.kind === 'op' && Object.values(origin.node.outputs).includes(tensor);

/** The largest finite magnitude. */
function largestOf(values: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const value = Math.abs(values[i]!);
    if (value > largest && value < Number.POSITIVE_INFINITY) largest = value;
  }
  return largest;
}
