import { evaluate } from '../graph/evaluate.ts';
import { baseOf, type Computer, type Tensor, tensor } from '../graph/tensor.ts';
import type { Recording } from './operator.ts';
import { FOLDED_ELEMENTS, liveValues, type RunContext } from './run.ts';
import { UnsupportedError } from './unsupported.ts';
import type { Value } from './value.ts';

/** More nodes than this are left to the GPU. */
const EVALUATED_NODES = 256;

/** Whether a tensor is computed from values that are known while it is recorded, and few of them: then the CPU computes it. */
function isKnown(value: Tensor): boolean {
  const seen = new Set<Tensor>();
  const stack = [baseOf(value)];
  for (let top = stack.pop(); top; top = stack.pop()) {
    if (seen.has(top)) continue;
    seen.add(top);
    const { origin } = top;
    if (top.size > FOLDED_ELEMENTS || seen.size > EVALUATED_NODES) return false;
    if (origin.kind !== 'op' && origin.kind !== 'constant') return false;
    if (origin.kind === 'op') stack.push(...Object.values(origin.node.inputs).map(baseOf));
  }
  return true;
}

/** Makes those known that the CPU can compute; returns the rest. */
function settled(values: readonly Value[]): Value[] {
  return values.filter((value) => {
    if (value.constant) return false;
    const own = value.tensor();
    if (!isKnown(own)) return true;
    value.settle(evaluate([own])[0]!);
    return false;
  });
}

/** Records to the end. Throws UnsupportedError where a value must be known that is computed. */
export function record<T>(recording: Recording<T>): T {
  for (;;) {
    const step = recording.next();
    if (step.done) return step.value;
    const { label, values } = step.value;
    if (settled(values).length === 0) continue;
    throw new UnsupportedError(
      `${label}: the shape of its result depends on values that the model computes, so that it cannot be recorded at once; use run() of the model, which reads them back`,
    );
  }
}

/** Records to the end; values that must be known are computed and read back. What is needed after that is kept on the way. */
export async function recordInStages<T>(
  recording: Recording<T>,
  context: RunContext,
  computer: Computer,
): Promise<T> {
  for (;;) {
    const step = recording.next();
    if (step.done) return step.value;
    const wanted = settled([...new Set(step.value.values)]);
    if (wanted.length === 0) continue;
    // What later stages need is read with it: it would be computed again by each of them.
    const kept = [...liveValues(context)].filter(
      (value) => !wanted.includes(value) && baseOf(value.tensor(value.order)).origin.kind === 'op',
    );
    const keptTensors = kept.map((value) => value.tensor(value.order));
    const arrays = await computer.read(...wanted.map((value) => value.tensor()), ...keptTensors);
    wanted.forEach((value, i) => {
      value.settle(arrays[i]!);
    });
    kept.forEach((value, i) => {
      const { shape, dtype } = keptTensors[i]!;
      value.replace(tensor(arrays[wanted.length + i]!, shape, dtype));
    });
  }
}
