import { NumericError } from '../errors.ts';
import { evaluate, toReference, type Values } from '../graph/evaluate.ts';
import { baseOf, type Tensor } from '../graph/tensor.ts';
import type { Program } from '../plan/program.ts';
import type { LoweredOp, Storage } from '../plan/storage.ts';
import { formatShape, isFloat } from '../shape.ts';

/**
 * For `openGpu({ validate })`, and what FOVEA_VALIDATE=1 uses in Node: runs each operation of a program by itself,
 * computes the same from the same inputs by the float64 reference, and
 * throws NumericError at the first element that differs: which operation, output and index, and both values. Floats may
 * differ by rounding; integers must be equal. Inputs are read from the device before the operation runs, since an
 * optimizer's step overwrites its own; so errors of one operation do not carry over to the next.
 */
export async function validate(program: Program): Promise<void> {
  let number = 0;
  const { operations } = program.stats;
  await program.runEach(async (op, run, read) => {
    number++;
    const known: Values = new Map();
    let inputScale = 1;
    for (const [tensor, storage] of inputsOf(program, op)) {
      const values = toReference(await read(storage));
      known.set(tensor, values);
      if (isFloat(tensor.dtype)) inputScale = Math.max(inputScale, largestOf(values));
    }
    run();
    for (const [tensor, storage] of outputsOf(program, op)) {
      const got = await read(storage);
      const want = evaluate([tensor], known)[0]!;
      const rounding = tensor.dtype === 'f16' ? 2e-3 : 1e-3;
      // Differences of large inputs keep the inputs' rounding, however small they are themselves. Masks are no inputs.
      const scaled = rounding * largestOf(want) + 1e-5 * Math.min(inputScale, 1e4);
      const allowed = isFloat(tensor.dtype) ? scaled : 0;
      for (let i = 0; i < want.length; i++) {
        const error = Math.abs(got[i]! - want[i]!);
        if (error > allowed || Number.isNaN(got[i]!) !== Number.isNaN(want[i]!)) {
          throw new NumericError(
            `${op.label} (operation ${number} of ${operations}): element ${i} of ${nameOf(tensor)} is ${got[i]}, its reference ${want[i]}`,
          );
        }
      }
    }
  });
}

/** What the operation reads and does not compute itself, and where it lies. */
function inputsOf(program: Program, op: LoweredOp): [Tensor, Storage][] {
  const { nodes } = op;
  const inputs = new Set(nodes.flatMap((node) => Object.values(node.inputs).map(baseOf)));
  const within = ({ origin }: Tensor) => origin.kind === 'op' && nodes.includes(origin.node);
  return program.tensorsOf(op.reads).filter(([tensor]) => inputs.has(tensor) && !within(tensor));
}

/** What it writes: in-place outputs lie where their inputs did. */
function outputsOf(program: Program, op: LoweredOp): [Tensor, Storage][] {
  const outputs = new Set(op.nodes.flatMap((node) => Object.values(node.outputs)));
  return program.tensorsOf(op.writes).filter(([tensor]) => outputs.has(tensor));
}

const nameOf = ({ origin, shape }: Tensor): string =>
  `${origin.kind === 'op' ? `${origin.node.op}.${origin.output}` : origin.kind} ${formatShape(shape)}`;

/** The largest finite magnitude. */
export function largestOf(values: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const value = Math.abs(values[i]!);
    if (value > largest && value < Number.POSITIVE_INFINITY) largest = value;
  }
  return largest;
}
