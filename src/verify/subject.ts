import { FoveaError } from '../errors.ts';
import { referenceOf } from '../graph/evaluate.ts';
import type { Operation } from '../graph/tensor.ts';
import type { Kernel } from '../kernels/kernel.ts';
import { expectNames } from '../options.ts';
import type { RefArray, Reference } from '../reference/reference.ts';
import { isFloat, numel } from '../shape.ts';
import {
  type CaseRow,
  type HostTensor,
  type HostTensors,
  hostTensor,
  normal,
  randomOf,
} from './cases/case.ts';
import { checkGradient, type GradientCheck } from './gradcheck.ts';
import { attributesOf, referenceTensors, runReference } from './runKernel.ts';

/** A kernel beside what it should compute; made by `withReference`. */
export interface Subject {
  /** The kernel to check. */
  readonly kernel: Kernel;
  /** What it should compute. */
  readonly reference: Reference;
  /** The kernel of its gradient. */
  readonly backward?: Subject;
}

/**
 * A kernel of your own (`defineKernel` of fovea/kernels) and its meaning: a function on plain arrays, floats in float64,
 * which gets the inputs by name, the attributes, and the specs of the outputs as `infer` gave them, and returns an
 * array for each output. Write it from the formula, not from the shader.
 *
 * `backward` is the gradient's kernel with its own reference. It gets the forward kernel's attributes, and its inputs
 * are named after what they are: inputs and outputs of the forward kernel by their names, `dy` for the gradient of an
 * output `y`. Its output `dx` is the gradient of the input `x`.
 */
export function withReference<
  I extends string,
  O extends string,
  Y extends string,
  A extends object,
  G extends object,
>(kernel: Kernel<I, O, Y, A, G>, reference: Reference<I, O, Y, A>, backward?: Subject): Subject {
  const pair = { kernel, reference } as unknown as Subject;
  return backward ? { ...pair, backward } : pair;
}

/** An operation's kernel beside its reference. Throws FoveaError where it has none. */
export const subjectOf = (operation: Operation): Subject => ({
  kernel: operation.kernel,
  reference: referenceOf(operation),
});

/**
 * Throws FoveaError where a row cannot be meant for this kernel: it names what the kernel does not have. `ruled`: its
 * gradient is the graph's rule, and needs no kernel.
 */
export function checkRow(subject: Subject, row: CaseRow, ruled: boolean): void {
  const problem = problemOf(subject, row, ruled);
  if (problem) throw new FoveaError(`verify: ${subject.kernel.name}: case "${row.name}": ${problem}`);
}

/** What a row may have besides its name and inputs; those of the built-in table name their operation. */
const ROW = ['attrs', 'grad', 'atol', 'rtol', 'op'];

function problemOf({ kernel, backward }: Subject, row: CaseRow, ruled: boolean): string | undefined {
  const { inputs, grad = [], attrs } = row;
  const known: readonly string[] = [...kernel.inputs, ...kernel.optional];
  try {
    expectNames('a row', row, ['name', 'inputs'], ROW);
    attributesOf(kernel, attrs);
  } catch (error) {
    if (error instanceof FoveaError) return error.message;
    throw error;
  }
  const unknown = Object.keys(inputs).find((input) => !kernel.variadic && !known.includes(input));
  if (unknown !== undefined) return `no input is called ${unknown}; there are ${known.join(', ')}`;
  const missing = kernel.inputs.find((input) => !inputs[input]);
  if (missing !== undefined) return `the input ${missing} is missing; give ${known.join(', ')}`;
  const stray = grad.find((input) => !inputs[input]);
  if (stray !== undefined) return `grad names ${stray}, which is no input of the row`;
  if (ruled || grad.length === 0) return undefined;
  if (!backward) return 'it has grad, but the kernel has no backward kernel; give one to withReference';
  const lost = grad.find((input) => !backward.kernel.outputs.includes(`d${input}`));
  return lost && `grad names ${lost}, but ${backward.kernel.name} has no output d${lost}`;
}

/**
 * What a row's backward kernel gets: the forward's inputs, its outputs as the reference computes them, and normal
 * values for the gradients of outputs, seeded by the row's name.
 */
export function backwardInputs(subject: Subject, row: CaseRow, inputs: HostTensors): HostTensors {
  const { kernel, reference, backward } = subject;
  const { attrs, name } = row;
  const specs = kernel.infer(inputs, attributesOf(kernel, attrs));
  const outputs = runReference(kernel, reference, referenceTensors(inputs), attrs);
  const tensorFor = (wanted: string): HostTensor | undefined => {
    if (inputs[wanted]) return inputs[wanted];
    if (specs[wanted]) return hostTensor(specs[wanted], outputs[wanted]!);
    const spec = wanted.startsWith('d') ? specs[wanted.slice(1)] : undefined;
    if (!spec || !isFloat(spec.dtype)) return undefined;
    return hostTensor(
      spec,
      normal(spec.shape).fill(randomOf(`${kernel.name}/${name}/${wanted}`), numel(spec.shape)),
    );
  };
  const { inputs: needed, optional, name: own } = backward!.kernel;
  const given: Record<string, HostTensor> = {};
  for (const wanted of [...needed, ...optional]) {
    const value = tensorFor(wanted);
    if (value) given[wanted] = value;
    else if (needed.includes(wanted)) {
      throw new FoveaError(
        `verify: ${own} reads ${wanted}, which is neither an input nor an output of ${kernel.name}, nor the gradient of one (d and its name)`,
      );
    }
  }
  return given;
}

/** Finite differences of the forward reference against the backward reference, for the inputs that the row names. */
export function checkReferences(subject: Subject, row: CaseRow, inputs: HostTensors): GradientCheck[] {
  const { kernel, reference, backward } = subject;
  const { attrs, grad = [] } = row;
  const given = backwardInputs(subject, row, inputs);
  const center = referenceTensors(inputs);
  const weighted = kernel.outputs.filter((output) => given[`d${output}`] && !inputs[`d${output}`]);
  // Outputs of the forward in full precision: as float32 they would be off by more than the differences are.
  const exact = runReference(kernel, reference, center, attrs);
  const full = Object.entries(referenceTensors(given)).map(([name, tensor]) => [
    name,
    exact[name] && !inputs[name] ? { ...tensor, data: exact[name] } : tensor,
  ]);
  const gradients = runReference(backward!.kernel, backward!.reference, Object.fromEntries(full), attrs);
  return grad.map((input) =>
    checkGradient({
      input,
      center: center[input]!.data,
      gradient: gradients[`d${input}`]!,
      seed: `${kernel.name}/${row.name}/${input}`,
      at: (data) => {
        const moved = runReference(
          kernel,
          reference,
          { ...center, [input]: { ...center[input]!, data } },
          attrs,
        );
        return weighted.map((output): { values: RefArray; weights: RefArray } => ({
          values: moved[output]!,
          weights: Float64Array.from(given[`d${output}`]!.data),
        }));
      },
    }),
  );
}
