import { FoveaError } from '../errors.ts';
import { evaluate } from '../graph/evaluate.ts';
import { alternativeKernels } from '../kernels/alternatives.ts';
import type { Specs } from '../kernels/kernel.ts';
import { kernels, type OpName } from '../kernels/ops.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { RefArray } from '../reference/reference.ts';
import { type Case, type CaseRow, fillInputs, type HostTensors } from './cases/case.ts';
import { cases as table } from './cases/index.ts';
import { F32_ONLY, halfTolerance, inputsInHalves, overflowed } from './f16.ts';
import { GRADIENT_TOLERANCE } from './gradcheck.ts';
import { gradientGraph } from './gradientGraph.ts';
import { type Bench, onBench } from './poison.ts';
import { checked, checkOptions, notApplicable, type Row, repeated, type VerifyOptions } from './rows.ts';
import {
  type Arrays,
  attributesOf,
  type Comparison,
  compare,
  referenceTensors,
  runKernel,
  runReference,
  tolerances,
  worstOf,
} from './runKernel.ts';
import { backwardInputs, checkReferences, checkRow, type Subject, subjectOf } from './subject.ts';
import { largestOf } from './validate.ts';

/** A case, and what it is a case of. `op`: an operation of Fovea's, whose gradient is the graph's rule. */
interface Check {
  readonly row: CaseRow;
  readonly subject: Subject;
  readonly op?: OpName;
}

/**
 * Every named result against its reference. `scaled`: a row's absolute tolerance is made for its output; of a gradient
 * it is taken relative to the largest element, where that is above 1.
 */
function compareAll(
  got: Arrays,
  want: Readonly<Record<string, RefArray>>,
  specs: Specs,
  row: CaseRow,
  { dtype }: VerifyOptions,
  scaled = false,
): Comparison[] {
  const [rtol, atol] = tolerances(row);
  return Object.entries(want).map(([name, exact]) => {
    if (dtype !== 'f16') {
      return compare(name, got[name]!, exact, rtol, scaled ? atol * Math.max(1, largestOf(exact)) : atol);
    }
    const values = overflowed(specs[name]!, exact);
    return compare(name, got[name]!, values, 0, halfTolerance(values, row));
  });
}

/** A kernel on its own against its float64 reference. */
async function kernelAlone(
  bench: Bench,
  { kernel, reference }: Subject,
  inputs: HostTensors,
  row: CaseRow,
  options: VerifyOptions,
  scaled = false,
): Promise<Comparison> {
  const specs: Specs = kernel.infer(inputs, attributesOf(kernel, row.attrs));
  const want = runReference(kernel, reference, referenceTensors(inputs), row.attrs);
  const { values, unsteady } = await repeated(
    bench,
    () => runKernel(bench.gpu.device, kernel, inputs, row.attrs),
    options.repeat,
  );
  return worstOf([...compareAll(values, want, specs, row, options, scaled), ...unsteady]);
}

/** The kernel alone; and in every other way in which programs may compute it. */
async function forward(bench: Bench, check: Check, options: VerifyOptions): Promise<Comparison> {
  const { row, subject, op } = check;
  const { kernel } = subject;
  const inputs = filled(check, options);
  const own = await kernelAlone(bench, subject, inputs, row, options);
  const { caps } = bench.gpu.device;
  const attrs = attributesOf(kernel, row.attrs);
  const compared = [own];
  const others = op ? alternativeKernels(kernel, caps, inputs, attrs, { training: false }) : new Map();
  for (const [way, other] of others) {
    const found = await kernelAlone(bench, { ...subject, kernel: other }, inputs, row, options, true);
    compared.push({ ...found, message: found.message && `${way}: ${found.message}` });
  }
  return worstOf(compared);
}

function filled({ row, subject: { kernel } }: Check, { dtype }: VerifyOptions): HostTensors {
  const inputs = fillInputs(kernel.name, row);
  return dtype === 'f16' ? inputsInHalves(kernel, inputs) : inputs;
}

/** The gradients by the graph's rules, lowered, fused and run, against the same graph evaluated by the references. */
async function ruleBackward(bench: Bench, row: Case, options: VerifyOptions): Promise<Comparison> {
  const { grads } = gradientGraph(row, options.dtype);
  const tensors = grads.map(([, gradient]) => gradient);
  const named = <T>(list: readonly T[]) =>
    Object.fromEntries(grads.map(([input], i) => [`d ${input}`, list[i]!]));
  const want = named(evaluate(tensors));
  const { values, unsteady } = await repeated(
    bench,
    async () => named(await bench.gpu.read(...tensors)),
    options.repeat,
  );
  return worstOf([...compareAll(values, want, named(tensors), row, options, true), ...unsteady]);
}

/** A backward kernel against its reference, after finite differences of the forward reference have agreed with that. */
async function kernelBackward(bench: Bench, check: Check, options: VerifyOptions): Promise<Comparison> {
  const { row, subject } = check;
  const wrong = checkReferences(subject, row, fillInputs(subject.kernel.name, row)).find(({ ok }) => !ok);
  if (wrong) {
    return {
      ok: false,
      maxError: wrong.relativeError,
      tolerance: GRADIENT_TOLERANCE,
      message: wrong.message,
    };
  }
  const inputs = backwardInputs(subject, row, filled(check, options));
  return kernelAlone(bench, subject.backward!, inputs, row, options, true);
}

/** Forward, and backward where the row names inputs to differentiate. */
async function* verifyCheck(bench: Bench, check: Check, options: VerifyOptions): AsyncGenerator<Row> {
  const { row, subject, op } = check;
  const titled = { op: subject.kernel.name, name: row.name };
  const differentiated = (row.grad?.length ?? 0) > 0;
  const reason = op && options.dtype === 'f16' ? F32_ONLY[op] : undefined;
  if (reason !== undefined) {
    yield notApplicable(titled, 'forward', reason);
    if (differentiated) yield notApplicable(titled, 'backward', reason);
    return;
  }
  yield checked(titled, 'forward', () => forward(bench, check, options));
  if (!differentiated) return;
  yield checked(titled, 'backward', () =>
    op ? ruleBackward(bench, { ...row, op }, options) : kernelBackward(bench, check, options),
  );
}

async function verifyChecks(
  device: GPUDevice | Gpu,
  checks: readonly Check[],
  options: VerifyOptions,
): Promise<Row[]> {
  return onBench(device, options, async (bench) => {
    checkOptions(bench, options);
    const rows: Row[] = [];
    for (const check of checks) {
      for await (const row of verifyCheck(bench, check, options)) {
        rows.push(row);
        options.onRow?.(row);
      }
    }
    return rows;
  });
}

const ofTable = (row: Case): Check => ({ row, subject: subjectOf(row.op), op: row.op });

/** One case of the built-in table: a row for forward, one for backward where it has a gradient to check. */
export const verifyCase = (device: GPUDevice | Gpu, row: Case, options: VerifyOptions = {}): Promise<Row[]> =>
  verifyChecks(device, [ofTable(row)], options);

/**
 * Every operation of Fovea's and every gradient, on a device of yours, against float64 references on the CPU: a row a
 * case and direction, in the table's order. The device is only borrowed. Throws DeviceLostError where it is lost, and
 * DeviceLimitError where `dtype` asks for what it lacks; all else that goes wrong stands in the rows.
 */
export const verifyAll = (device: GPUDevice | Gpu, options: VerifyOptions = {}): Promise<Row[]> =>
  verifyChecks(device, table.map(ofTable), options);

/**
 * One kernel, like `verifyAll`: an operation of Fovea's by its name, with the cases of the table or with yours; or a
 * kernel of your own (`withReference`), with your cases. Throws FoveaError, before anything runs, for a name that is
 * none, and for a row that names what the kernel does not have.
 */
export async function verifyKernel(
  device: GPUDevice | Gpu,
  kernel: OpName | Subject,
  cases?: readonly CaseRow[],
  options: VerifyOptions = {},
): Promise<Row[]> {
  if (typeof kernel === 'string' && !Object.hasOwn(kernels, kernel)) {
    throw new FoveaError(
      `verifyKernel: no operation is called ${kernel}; \`kernels\` of fovea/kernels holds all`,
    );
  }
  const op = typeof kernel === 'string' ? kernel : undefined;
  const subject = typeof kernel === 'string' ? subjectOf(kernel) : kernel;
  const rows = cases ?? table.filter((row) => row.op === op);
  if (rows.length === 0) {
    throw new FoveaError(`verifyKernel: ${subject.kernel.name}: there are no cases to check; give some`);
  }
  for (const row of rows) checkRow(subject, row, op !== undefined);
  return verifyChecks(
    device,
    rows.map((row) => ({ row, subject, ...(op ? { op } : {}) })),
    options,
  );
}
