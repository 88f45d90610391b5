import { DataError } from '../errors.ts';
import { grad } from '../graph/backward.ts';
import { evaluate, toReference, type Values } from '../graph/evaluate.ts';
import { hostArray } from '../graph/state.ts';
import { Tensor } from '../graph/tensor.ts';
import { decodeSafetensors, type NamedTensor } from '../io/safetensors.ts';
import { parseJson } from '../json.ts';
import type { Gpu } from '../plan/gpu.ts';
import { type HostArray, isFloat, type TensorSpec } from '../shape.ts';
import { type Attrs, conformanceOps, type Run } from './conformanceOps.ts';
import { type Bench, onBench } from './poison.ts';
import { checked, checkOptions, type Row, repeated, type VerifyOptions } from './rows.ts';
import { type Comparison, compare, worstOf } from './runKernel.ts';
import { largestOf } from './validate.ts';

/** A case's file: one operation's inputs, outputs and gradients as a reference computed them. */
export interface ConformanceFile {
  /** The file's name, for messages; the case is named after its last part. */
  readonly name: string;
  /** The content of the file. */
  readonly bytes: Uint8Array;
}

/** What a file says: `in.`, `out.`, `cot.` and `grad.` tensors by name, and its metadata. */
export interface ConformanceCase {
  /** The name of the case. */
  readonly name: string;
  /** The operation. */
  readonly op: string;
  /** Its attributes. */
  readonly attrs: Readonly<Record<string, unknown>>;
  /** Relative tolerance. */
  readonly rtol: number;
  /** Absolute tolerance. */
  readonly atol: number;
  /** Inputs by name. */
  readonly inputs: Readonly<Record<string, NamedTensor>>;
  /** Expected outputs by name. */
  readonly outputs: Readonly<Record<string, NamedTensor>>;
  /** Gradients that arrive at the outputs, by name. */
  readonly cotangents: Readonly<Record<string, NamedTensor>>;
  /** Expected gradients of the inputs, by name. */
  readonly gradients: Readonly<Record<string, NamedTensor>>;
}

/**
 * Reads a case: a safetensors file with `in.<name>`, `out.<name>`, and where gradients are checked `cot.<name>` for
 * outputs and `grad.<name>` for inputs; metadata op, attrs (JSON), rtol and atol. Throws a DataError that names the
 * file where it is no such file.
 */
export function readConformanceCase({ name, bytes }: ConformanceFile): ConformanceCase {
  const { tensors, metadata } = decodeSafetensors(bytes, name);
  const { op, attrs = '{}', rtol = '1e-4', atol = '1e-5' } = metadata;
  const fix = 'write it with goldens.py';
  if (!op) throw new DataError(`${name}: its metadata has no "op"; ${fix}`);
  const parsed = parseJson(attrs, `${name}: metadata "attrs"`, fix);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new DataError(`${name}: metadata "attrs" is no JSON object; ${fix}`);
  }
  const tolerance = (key: string, text: string): number => {
    const value = Number(text);
    if (!(value >= 0)) throw new DataError(`${name}: metadata "${key}" is "${text}", no tolerance; ${fix}`);
    return value;
  };
  const withPrefix = (prefix: string): Readonly<Record<string, NamedTensor>> =>
    Object.fromEntries(
      [...tensors].flatMap(([key, value]) =>
        key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
      ),
    );
  const outputs = withPrefix('out.');
  if (Object.keys(outputs).length === 0) throw new DataError(`${name}: it holds no "out." tensor; ${fix}`);
  const file = name
    .split(/[\\/]/)
    .at(-1)!
    .replace(/\.safetensors$/, '');
  return {
    name: file.startsWith(`${op}-`) ? file.slice(op.length + 1) : file,
    op,
    attrs: parsed as Attrs,
    rtol: tolerance('rtol', rtol),
    atol: tolerance('atol', atol),
    inputs: withPrefix('in.'),
    outputs,
    cotangents: withPrefix('cot.'),
    gradients: withPrefix('grad.'),
  };
}

const missing = (what: string): Comparison => ({
  ok: false,
  maxError: Number.NaN,
  tolerance: Number.NaN,
  message: what,
});

/** In f16: of each value, and of the output's largest magnitude. */
const HALF_TOLERANCE = 2e-2;

/** A result of a case: the tensor that computes it, and what the file says it is. */
interface Result {
  readonly key: string;
  readonly value: Tensor | undefined;
  readonly data: NamedTensor['data'];
}

interface Graph {
  readonly results: readonly Result[];
  /** The inputs as the file has them, for references. */
  readonly exact: Values;
}

/** The case as a graph: its outputs and the gradients that it gives. In f16 its float tensors are halves. */
function graphOf(row: ConformanceCase, run: Run, dtype: VerifyOptions['dtype']): Graph {
  const constant = (tensor: NamedTensor, as: TensorSpec, tracked = false) =>
    new Tensor(as, { kind: 'constant', data: hostArray(tensor.data, as.dtype) }, tracked);
  const exact: Values = new Map();
  const inputs = Object.fromEntries(
    Object.entries(row.inputs).map(([name, input]) => {
      const as = {
        shape: input.shape,
        dtype: dtype === 'f16' && input.dtype === 'f32' ? dtype : input.dtype,
      };
      const tensor = constant(input, as, name in row.gradients);
      exact.set(tensor, toReference(input.data));
      return [name, tensor];
    }),
  );
  const outputs = run(inputs, row.attrs);
  const roots = Object.keys(row.cotangents).filter((key) => outputs[key]);
  const wanted = Object.entries(row.gradients);
  const gradients = grad(
    roots.map((key) => outputs[key]!),
    wanted.map(([input]) => inputs[input]!),
    // NumPy keeps a scalar as [1].
    roots.map((key) => constant(row.cotangents[key]!, outputs[key]!)),
  );
  const results = [
    ...Object.entries(row.outputs).map(([key, { data }]) => ({ key, data, value: outputs[key] })),
    ...wanted.map(([input, { data }], i) => ({
      key: `d ${input}`,
      data,
      value: gradients[i],
    })),
  ];
  return { results, exact };
}

/** What was computed in halves against the file, whose inputs were not rounded. */
function compareHalves({ key, data }: Result, value: Tensor, got: HostArray, exact: Values): Comparison {
  // Rounding makes ties and changes ranks, so integers are settled on the rounded inputs.
  const [rounded] = evaluate([value]);
  if (!isFloat(value.dtype)) return compare(key, got, rounded!, 0, 0);
  const near = (want: ArrayLike<number>) =>
    compare(key, got, want, HALF_TOLERANCE, HALF_TOLERANCE * largestOf(data));
  const direct = near(data);
  if (direct.ok) return direct;
  // At a kink (two box edges that round to one) a gradient jumps: by as much as the reference's does.
  const [unrounded] = evaluate([value], exact);
  return near(Float64Array.from(data, (want, i) => want + (rounded![i]! - unrounded![i]!)));
}

async function verifyFile(bench: Bench, file: ConformanceFile, options: VerifyOptions): Promise<Row> {
  const row = readConformanceCase(file);
  const { op, name } = row;
  const run = conformanceOps.get(op);
  const direction = Object.keys(row.gradients).length > 0 ? 'both' : 'forward';
  if (!run) {
    const nothing = { ok: false, maxError: Number.NaN, tolerance: Number.NaN };
    return { op, name, direction, ...nothing, status: 'unsupported', message: `${op} is not implemented` };
  }
  return checked(row, direction, async () => {
    const { results, exact } = graphOf(row, run, options.dtype);
    const computed = results.flatMap(({ key, value }) => (value ? [{ key, value }] : []));
    const { values, unsteady } = await repeated(
      bench,
      async () => {
        const read = await bench.gpu.read(...computed.map(({ value }) => value));
        return Object.fromEntries(computed.map(({ key }, i) => [key, read[i]!]));
      },
      options.repeat,
    );
    const compared = results.map((result) => {
      const { key, value, data } = result;
      if (!value) return missing(`no ${key} was computed`);
      if (options.dtype === 'f16') return compareHalves(result, value, values[key]!, exact);
      return compare(key, values[key]!, data, row.rtol, row.atol);
    });
    return worstOf([...compared, ...unsteady]);
  });
}

/**
 * Runs cases one after another through the public functions, forward and backward as one graph, and compares with the
 * files: one row a case, which names the worst of its outputs and gradients. In f16 the inputs are rounded to halves;
 * floats may be off by 2e-2 of themselves and of the output's largest magnitude, besides what the rounding of the inputs
 * changes by itself, as the float64 reference tells; integers must be what that says of the rounded inputs.
 */
export async function verifyConformance(
  device: GPUDevice | Gpu,
  files: readonly ConformanceFile[],
  options: VerifyOptions = {},
): Promise<Row[]> {
  return onBench(device, options, async (bench) => {
    checkOptions(bench, options);
    const rows: Row[] = [];
    for (const file of files) {
      const row = await verifyFile(bench, file, options);
      rows.push(row);
      options.onRow?.(row);
    }
    return rows;
  });
}

/** One case. */
export async function verifyConformanceCase(
  device: GPUDevice | Gpu,
  file: ConformanceFile,
  options: VerifyOptions = {},
): Promise<Row> {
  const [row] = await verifyConformance(device, [file], options);
  return row!;
}
