import { DeviceLimitError, DeviceLostError } from '../errors.ts';
import { evaluate } from '../graph/evaluate.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { Case } from './cases/case.ts';
import { gradientGraph } from './gradientGraph.ts';
import { type Comparison, compare, runKernel, runReference, tolerances, worstOf } from './runKernel.ts';

/** What came of one check of one case. */
export interface Row {
  readonly op: string;
  readonly name: string;
  /** `both`: a conformance case, whose outputs and gradients are one check. */
  readonly direction: 'forward' | 'backward' | 'both';
  /** |got - want| of the worst element, and what it is allowed; NaN where nothing was computed. */
  readonly maxError: number;
  readonly tolerance: number;
  readonly ok: boolean;
  readonly status: 'ok' | 'failed' | 'unsupported';
  /** What is wrong; empty where all is well. */
  readonly message: string;
}

type Subject = Pick<Row, 'op' | 'name'>;

/**
 * A row of what `check` finds. An error that it throws ends no more than this row, but for a lost device, after which
 * there is nothing to run on; what the device is too small for is unsupported.
 */
export async function checked(
  { op, name }: Subject,
  direction: Row['direction'],
  check: () => Promise<Comparison> | Comparison,
): Promise<Row> {
  try {
    const result = await check();
    return { op, name, direction, ...result, status: result.ok ? 'ok' : 'failed' };
  } catch (error) {
    if (error instanceof DeviceLostError) throw error;
    const status = error instanceof DeviceLimitError ? 'unsupported' : 'failed';
    const message = error instanceof Error ? error.message : String(error);
    const nothing = { ok: false, maxError: Number.NaN, tolerance: Number.NaN };
    return { op, name, direction, ...nothing, status, message };
  }
}

/** The kernel on its own against its float64 reference. */
async function forward(gpu: Gpu, row: Case): Promise<Comparison> {
  const want = runReference(row);
  const got = await runKernel(gpu.device, row);
  return worstOf(
    Object.entries(want).map(([name, values]) => compare(name, got[name]!, values, ...tolerances(row))),
  );
}

/** The largest finite magnitude, at least 1. */
export function magnitudeOf(values: ArrayLike<number>): number {
  let largest = 1;
  for (let i = 0; i < values.length; i++) {
    const value = Math.abs(values[i]!);
    if (value > largest && value < Number.POSITIVE_INFINITY) largest = value;
  }
  return largest;
}

/**
 * The gradients by the graph's rules, lowered, fused and run on the GPU, against the same graph evaluated by the
 * references. The absolute tolerance is taken of the gradient's largest element: a row's is made for its output.
 */
async function backward(gpu: Gpu, row: Case): Promise<Comparison> {
  const { grads } = gradientGraph(row);
  const tensors = grads.map(([, gradient]) => gradient);
  const want = evaluate(tensors);
  const got = await gpu.read(...tensors);
  const [rtol, atol] = tolerances(row);
  return worstOf(
    grads.map(([input], i) => compare(`d ${input}`, got[i]!, want[i]!, rtol, atol * magnitudeOf(want[i]!))),
  );
}

/** Checks one case of the table on a device: forward, and backward where the case names inputs to differentiate. */
export async function verifyCase(gpu: Gpu, row: Case): Promise<Row[]> {
  const rows = [await checked(row, 'forward', () => forward(gpu, row))];
  if (row.grad && row.grad.length > 0) rows.push(await checked(row, 'backward', () => backward(gpu, row)));
  return rows;
}

export interface VerifyOptions {
  /** Told of every check as it ends. */
  onRow?(row: Row): void;
}

/** Checks cases one after another. */
export async function verifyCases(
  gpu: Gpu,
  rows: readonly Case[],
  { onRow }: VerifyOptions = {},
): Promise<Row[]> {
  const results: Row[] = [];
  for (const row of rows) {
    for (const result of await verifyCase(gpu, row)) {
      results.push(result);
      onRow?.(result);
    }
  }
  return results;
}
