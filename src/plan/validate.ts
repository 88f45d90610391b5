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
    for (const [tensor, storage] of program.tensorsOf(op.reads))
      known.set(tensor, toReference(await read(storage)));
    for (const [tensor, storage] of program.tensorsOf(op.writes)) {
      if (storage.state || !op.nodes.some((origin) => isOutput(origin, tensor))) continue;
      known.delete(tensor);
      const got = await read(storage);
      const want = evaluate([baseOf(tensor)], known)[0]!;
      let scale = 0;
      for (const value of want) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
      for (let i = 0; i < want.length; i++) {
        const error = Math.abs(got[i]! - want[i]!);
        if (error > 1e-3 * scale + 1e-5 || Number.isNaN(got[i]!) !== Number.isNaN(want[i]!)) {
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
