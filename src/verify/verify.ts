import { FoveaError } from '../errors.ts';
import { evaluate } from '../graph/evaluate.ts';
import { loadStrategies } from '../graph/operation.ts';
import { operations } from '../graph/operations/index.ts';
import type { Operation } from '../graph/tensor.ts';
import type { Specs } from '../kernels/kernel.ts';
import type { OpName } from '../kernels/ops.ts';
import { didYouMean } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { RefArray } from '../reference/reference.ts';
import { type Case, type CaseRow, fillInputs, type HostTensors } from './cases/case.ts';
import { cases as table } from './cases/index.ts';
import { F32_ONLY, halfTolerance, inputsInHalves, overflowed } from './f16.ts';
import { GRADIENT_TOLERANCE, type GradientCheck, gradientCheck } from './gradcheck.ts';
import { gradientGraph } from './gradientGraph.ts';
import { otherKernels, runsAlone } from './otherKernels.ts';
import { type Bench, onBench } from './poison.ts';
import {
  checked,
  checkOptions,
  notApplicable,
  type Row,
  repeated,
  type VerifyCasesOptions,
  type VerifyOptions,
} from './rows.ts';
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

/** A case, and what it is a case of. `operation`: where the gradient is the graph's rule, not a kernel. */
interface Check {
  readonly row: CaseRow;
  readonly subject: Subject;
  readonly operation?: Operation;
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

/** The kernel alone; and by every other strategy that programs may compute it by. */
async function forward(bench: Bench, check: Check, options: VerifyOptions): Promise<Comparison> {
  const { row, subject, operation } = check;
  const { kernel } = subject;
  const inputs = filled(check, options);
  const { caps } = bench.gpu.device;
  const attrs = attributesOf(kernel, row.attrs);
  const compared = runsAlone(attrs) ? [await kernelAlone(bench, subject, inputs, row, options)] : [];
  if (operation) await loadStrategies([operation]);
  const others = operation ? otherKernels(operation, caps, inputs, attrs, { training: false }) : new Map();
  for (const [strategy, other] of others) {
    const found = await kernelAlone(bench, { ...subject, kernel: other }, inputs, row, options, true);
    compared.push({ ...found, message: found.message && `${strategy}: ${found.message}` });
  }
  return worstOf(compared);
}

function filled({ row, subject: { kernel } }: Check, { dtype }: VerifyOptions): HostTensors {
  const inputs = fillInputs(kernel.name, row);
  return dtype === 'f16' ? inputsInHalves(kernel, inputs) : inputs;
}

/**
 * The gradients by the graph's rules, lowered, fused and run, against the same graph evaluated by the references; for an
 * operation of the user's after finite differences of its reference have agreed with the rule.
 */
async function ruleBackward(
  bench: Bench,
  operation: Operation,
  row: CaseRow,
  options: VerifyOptions,
): Promise<Comparison> {
  const wrong = operation.reference && gradientCheck(operation, row).find(({ ok }) => !ok);
  if (wrong) return differing(wrong);
  const { grads } = gradientGraph(operation, row, options.dtype);
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

const differing = ({ relativeError, message }: GradientCheck): Comparison => ({
  ok: false,
  maxError: relativeError,
  tolerance: GRADIENT_TOLERANCE,
  message,
});

/** A backward kernel against its reference, after finite differences of the forward reference have agreed with that. */
async function kernelBackward(bench: Bench, check: Check, options: VerifyOptions): Promise<Comparison> {
  const { row, subject } = check;
  const wrong = checkReferences(subject, row, fillInputs(subject.kernel.name, row)).find(({ ok }) => !ok);
  if (wrong) return differing(wrong);
  const inputs = backwardInputs(subject, row, filled(check, options));
  return kernelAlone(bench, subject.backward!, inputs, row, options, true);
}

/** Forward, and backward where the row names inputs to differentiate. */
async function* verifyCheck(bench: Bench, check: Check, options: VerifyOptions): AsyncGenerator<Row> {
  const { row, subject, operation } = check;
  const titled = { op: subject.kernel.name, name: row.name };
  const differentiated = (row.grad?.length ?? 0) > 0;
  const reason = options.dtype === 'f16' ? F32_ONLY[operation?.name as OpName] : undefined;
  if (reason !== undefined) {
    yield notApplicable(titled, 'forward', reason);
    if (differentiated) yield notApplicable(titled, 'backward', reason);
    return;
  }
  yield checked(titled, 'forward', () => forward(bench, check, options));
  if (!differentiated) return;
  yield checked(titled, 'backward', () =>
    operation ? ruleBackward(bench, operation, row, options) : kernelBackward(bench, check, options),
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

const ofOperation = (operation: Operation, row: CaseRow): Check => ({
  row,
  subject: subjectOf(operation),
  operation,
});
const ofTable = (row: Case): Check => ofOperation(operations[row.op], row);

/** One case of the built-in table: a row for forward, one for backward where it has a gradient to check. */
export const verifyCase = (device: GPUDevice | Gpu, row: Case, options: VerifyOptions = {}): Promise<Row[]> =>
  verifyChecks(device, [ofTable(row)], options);

/**
 * Every operation of Fovea's and every gradient, on a device of yours, against float64 references on the CPU: a row a
 * case and direction, in the table's order. The device is only borrowed. Throws DeviceLostError where it is lost, and
 * DeviceLimitError where `dtype` asks for what it lacks; all other faults are in the rows.
 */
export const verifyAll = (device: GPUDevice | Gpu, options: VerifyOptions = {}): Promise<Row[]> =>
  verifyChecks(device, table.map(ofTable), options);

/**
 * Verifies one operation of the graph, like `verifyAll`: a built-in one by its name, or one that `defineOperation` made.
 * Its kernel is checked against its reference, and its gradient rule by finite differences of the reference and on the
 * device.
 *
 * @param operation A name, or an operation with a reference.
 * @param options `cases`: inputs and attributes to check. Default, for a name: the cases of the built-in table; an operation
 *   of your own needs some.
 * @throws FoveaError before anything runs: for an unknown name, an operation without a reference, no cases, or a case that
 *   names what the operation does not have.
 */
export async function verifyOperation(
  device: GPUDevice | Gpu,
  operation: OpName | Operation,
  { cases, ...options }: VerifyCasesOptions = {},
): Promise<Row[]> {
  if (typeof operation === 'string' && !Object.hasOwn(operations, operation)) {
    throw new FoveaError(
      `verifyOperation: no operation is called ${operation}${didYouMean(operation, Object.keys(operations)) || '; `kernels` of fovea/kernels has all'}`,
    );
  }
  const its = typeof operation === 'string' ? operations[operation] : operation;
  const rows = cases ?? table.filter((row) => row.op === operation);
  const checks = checksOf(its.name, rows, (row) => ofOperation(its, row));
  return verifyChecks(device, checks, options);
}

/**
 * Verifies a kernel of your own, without a graph (`withReference`), with your cases: the kernel and its backward kernel
 * against their references, after finite differences of the forward reference have agreed with the backward one.
 *
 * @param options `cases`: inputs and attributes to check, at least one.
 * @throws FoveaError before anything runs: for no cases, or a case that names what the kernel does not have.
 */
export async function verifyKernel(
  device: GPUDevice | Gpu,
  subject: Subject,
  { cases, ...options }: VerifyCasesOptions & { readonly cases: readonly CaseRow[] },
): Promise<Row[]> {
  const checks = checksOf(subject.kernel.name, cases, (row) => ({ row, subject }));
  return verifyChecks(device, checks, options);
}

function checksOf(name: string, rows: readonly CaseRow[], make: (row: CaseRow) => Check): Check[] {
  if (!Array.isArray(rows))
    throw new FoveaError(`verify: ${name}: cases must be a list, got ${String(rows)}`);
  if (rows.length === 0) throw new FoveaError(`verify: ${name}: there are no cases to check; give some`);
  return rows.map((row) => {
    const check = make(row);
    checkRow(check.subject, row, check.operation !== undefined);
    return check;
  });
}
