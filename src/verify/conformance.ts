import { DataError } from '../errors.ts';
import { grad } from '../graph/backward.ts';
import { Tensor } from '../graph/tensor.ts';
import { decodeSafetensors } from '../io/safetensors.ts';
import { parseJson } from '../json.ts';
import type { Gpu } from '../plan/gpu.ts';
import { type Attrs, conformanceOps } from './conformanceOps.ts';
import { type Comparison, compare, worstOf } from './runKernel.ts';
import { checked, type Row, type VerifyOptions } from './verify.ts';

/** A case's file: one operation's inputs, outputs and gradients as a reference computed them. */
export interface ConformanceFile {
  /** The file's name, for messages; the case is named after its last part. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

interface HostTensor {
  readonly shape: readonly number[];
  readonly dtype: Tensor['dtype'];
  readonly data: Float32Array | Int32Array | Uint32Array | Uint16Array;
}

type Tensors = Readonly<Record<string, HostTensor>>;

/** What a file says: `in.`, `out.`, `cot.` and `grad.` tensors by name, and its metadata. */
export interface ConformanceCase {
  readonly name: string;
  readonly op: string;
  readonly attrs: Attrs;
  readonly rtol: number;
  readonly atol: number;
  readonly inputs: Tensors;
  readonly outputs: Tensors;
  readonly cotangents: Tensors;
  readonly gradients: Tensors;
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
  const withPrefix = (prefix: string): Tensors =>
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

/**
 * Runs a case through the public functions, forward and backward as one graph, and compares with the file: one row a
 * case, which names the worst of its outputs and gradients.
 */
export async function verifyConformanceCase(gpu: Gpu, file: ConformanceFile): Promise<Row> {
  const row = readConformanceCase(file);
  const { op, name, attrs, rtol, atol } = row;
  const run = conformanceOps.get(op);
  const wanted = Object.keys(row.gradients);
  const direction = wanted.length > 0 ? 'both' : 'forward';
  if (!run) {
    const nothing = { ok: false, maxError: Number.NaN, tolerance: Number.NaN };
    return { op, name, direction, ...nothing, status: 'unsupported', message: `${op} is not implemented` };
  }
  return checked(row, direction, async () => {
    const inputs = Object.fromEntries(
      Object.entries(row.inputs).map(([input, { shape, dtype, data }]) => [
        input,
        new Tensor({ shape, dtype }, { kind: 'constant', data }, wanted.includes(input)),
      ]),
    );
    const outputs: Readonly<Record<string, Tensor>> = run(inputs, attrs);
    const roots = Object.keys(row.cotangents).filter((key) => outputs[key]);
    const gradients = grad(
      roots.map((key) => outputs[key]!),
      wanted.map((input) => inputs[input]!),
      roots.map((key) => {
        const { data, dtype } = row.cotangents[key]!;
        // NumPy keeps a scalar as [1].
        return new Tensor({ shape: outputs[key]!.shape, dtype }, { kind: 'constant', data });
      }),
    );
    const expected = Object.entries(row.outputs).map(([key, { data }]) => ({
      key,
      data,
      value: outputs[key],
    }));
    const differentiated = wanted.map((input, i) => ({
      key: `d ${input}`,
      data: row.gradients[input]!.data,
      value: gradients[i],
    }));
    const all = [...expected, ...differentiated];
    const read = all.flatMap(({ value }) => (value ? [value] : []));
    const values = new Map(read.map((value, i) => [value, i]));
    const got = await gpu.read(...read);
    return worstOf(
      all.map(({ key, data, value }) =>
        value ? compare(key, got[values.get(value)!]!, data, rtol, atol) : missing(`no ${key} was computed`),
      ),
    );
  });
}

/** Runs cases one after another. */
export async function verifyConformance(
  gpu: Gpu,
  files: readonly ConformanceFile[],
  { onRow }: VerifyOptions = {},
): Promise<Row[]> {
  const results: Row[] = [];
  for (const file of files) {
    const result = await verifyConformanceCase(gpu, file);
    results.push(result);
    onRow?.(result);
  }
  return results;
}
