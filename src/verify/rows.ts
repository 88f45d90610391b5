import { DeviceLimitError, DeviceLostError, FoveaError } from '../errors.ts';
import type { StrategyName } from '../kernels/strategy.ts';
import { withDefaults } from '../options.ts';
import type { HostArray } from '../shape.ts';
import type { CaseRow } from './cases/case.ts';
import type { Bench } from './poison.ts';
import type { Arrays, Comparison } from './runKernel.ts';

/** The result of one check of one case. */
export interface Row {
  /** The operation. */
  readonly op: string;
  /** The case's name. */
  readonly name: string;
  /** `both`: a conformance case, whose outputs and gradients are one check. */
  readonly direction: 'forward' | 'backward' | 'both';
  /** |got - want| of the worst element; NaN if nothing was computed. */
  readonly maxError: number;
  /** The error allowed for the element of `maxError`; NaN if nothing was computed. */
  readonly tolerance: number;
  /** Whether the check passed: false if something is wrong or could not be computed. */
  readonly ok: boolean;
  /**
   * `unsupported`: there is no such operation, or the case exceeds the limits of the device. `not applicable`: the
   * operation deliberately does not take the requested dtype; `message` says why.
   */
  readonly status: 'ok' | 'failed' | 'unsupported' | 'not applicable';
  /** What is wrong: the output, the index and both values; empty if nothing is. */
  readonly message: string;
}

/** Options of a verification. */
export interface VerifyOptions {
  /**
   * f16: the float inputs are rounded to halves and are given to the GPU as f16 tensors; the float64 references get the
   * rounded values. A float may be off by 2e-3 of the output's largest magnitude; integers must be equal. Needs the
   * device feature `shader-f16`. Default: f32, with each row's own tolerance.
   */
  readonly dtype?: 'f32' | 'f16';
  /**
   * How many times each check runs, each time in memory with different contents. A check fails if any bit of a run
   * differs from the first run. Default 1.
   */
  readonly repeat?: number;
  /**
   * The strategy by which programs compute every operation that it can compute (`winograd2`, …): for gradients and
   * conformance cases. A kernel alone is checked by each of its strategies. Default: the static guess.
   */
  readonly strategy?: StrategyName;
  /** Called with each row when it is done, in order. An error that it throws ends the verification. */
  onRow?(row: Row): void;
}

/** Options of the verification of one operation or kernel. */
export interface VerifyCasesOptions extends VerifyOptions {
  /** Inputs and attributes to check. Default, for an operation of Fovea: its built-in cases. */
  readonly cases?: readonly CaseRow[];
}

type Subject = Pick<Row, 'op' | 'name'>;

const NOTHING = { maxError: Number.NaN, tolerance: Number.NaN };

/** Checks what can be known before anything runs. */
export function checkOptions({ gpu }: Bench, options: VerifyOptions): void {
  const { dtype, repeat } = withDefaults('verify', options, {
    dtype: 'f32',
    repeat: 1,
    strategy: undefined,
    onRow: undefined,
  });
  if (dtype !== 'f32' && dtype !== 'f16') {
    throw new FoveaError(`verify: dtype is ${JSON.stringify(dtype)}; choose f32 or f16`);
  }
  if (!Number.isInteger(repeat) || repeat < 1) {
    throw new FoveaError(`verify: repeat is ${repeat}; give a whole number of runs, 1 or more`);
  }
  if (dtype === 'f16' && !gpu.device.caps.f16) {
    throw new DeviceLimitError(
      `verify: dtype f16 needs the feature shader-f16, which the device on ${gpu.device.adapter.name} lacks; take f32, or a device that has it`,
    );
  }
}

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
    return { op, name, direction, ...NOTHING, ok: false, status, message };
  }
}

export const notApplicable = ({ op, name }: Subject, direction: Row['direction'], message: string): Row => ({
  op,
  name,
  direction,
  ...NOTHING,
  ok: true,
  status: 'not applicable',
  message,
});

/** The number of rows with each status. */
export interface Counts {
  /** Rows that are ok. */
  readonly passed: number;
  /** Rows that failed. */
  readonly failed: number;
  /** Rows that are unsupported. */
  readonly unsupported: number;
  /** Rows that are not applicable. */
  readonly notApplicable: number;
}

/** Counts the rows of each status. */
export function countRows(rows: readonly Row[]): Counts {
  const count = (status: Row['status']) => rows.filter((row) => row.status === status).length;
  return {
    passed: count('ok'),
    failed: count('failed'),
    unsupported: count('unsupported'),
    notApplicable: count('not applicable'),
  };
}

/** `901 passed, 0 failed, 0 unsupported`, and what is not applicable, where something is. */
export const summaryOf = ({ passed, failed, unsupported, notApplicable: beside }: Counts): string =>
  `${passed} passed, ${failed} failed, ${unsupported} unsupported${beside > 0 ? `, ${beside} not applicable` : ''}`;

/** Runs `compute` as often as asked: the values of the first run, and the first bit of a later one that differs. */
export async function repeated(
  bench: Bench,
  compute: () => Promise<Arrays>,
  times = 1,
): Promise<{ values: Arrays; unsteady: Comparison[] }> {
  bench.begin(0);
  const values = await compute();
  for (let run = 1; run < times; run++) {
    bench.begin(run);
    const again = await compute();
    for (const [name, first] of Object.entries(values)) {
      const index = firstDifference(first, again[name]!);
      if (index < 0) continue;
      const [a, b] = [first[index]!, again[name]![index]!];
      const message = `${name}[${index}] is not deterministic: ${a} in run 1, ${b} in run ${run + 1} of ${times}`;
      return { values, unsteady: [{ ok: false, maxError: Math.abs(a - b), tolerance: 0, message }] };
    }
  }
  return { values, unsteady: [] };
}

/** The first element whose bits differ, or -1. */
function firstDifference(a: HostArray, b: HostArray): number {
  const bytesOf = ({ buffer, byteOffset, byteLength }: HostArray) =>
    new Uint8Array(buffer, byteOffset, byteLength);
  const [x, y] = [bytesOf(a), bytesOf(b)];
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return Math.floor(i / a.BYTES_PER_ELEMENT);
  return -1;
}
