import { describe, expect, it } from 'vitest';
import { evaluate } from '../../src/graph/evaluate.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { recordOperation, type Tensor, tensor } from '../../src/graph/tensor.ts';
import { rowNamed } from '../../src/onnx/export/rows/index.ts';
import { exportOnnx, UnsupportedError } from '../../src/onnx/index.ts';
import { numel } from '../../src/shape.ts';
import type { Case } from '../../src/verify/cases/case.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { Random } from '../../src/vision/random.ts';
import { runOnnx } from './onnxruntime.mjs';

// Every operation that has an ONNX form, on the inputs that verification uses: the file, run by onnxruntime, against the reference.

/** Outputs that gradients alone need are not exported. */
const OUTPUTS: Partial<Record<string, readonly string[]>> = {
  max_pool2d: ['y'],
  roi_pool: ['y'],
  group_norm: ['y'],
};

/** Cases in which onnxruntime, or ONNX itself, does something else. */
const OTHERWISE: Readonly<Record<string, string>> = {
  'nms: at a threshold that no float is': 'boxes whose corners are in the other order are turned round',
  'nms: threshold 0': 'boxes whose corners are in the other order are turned round',
  'sum: i32 wraps around': 'onnxruntime stays at the largest integer',
  'prod: i32 wraps around': 'onnxruntime stays at the largest integer',
  'group_norm: far from 0': 'onnxruntime’s GroupNormalization subtracts squares of f32',
  'group_norm: levels, far from 0': 'the same, and its InstanceNormalization is less exact too',
};

/** Large tensors are for the GPU's sake. */
const LARGEST = 20_000;

const filled = ({ name, inputs }: Case) => {
  const random = new Random(name);
  return Object.fromEntries(
    Object.entries(inputs).map(([input, { shape, dtype, fill }]) => {
      const values = fill(() => random.uniform(), numel(shape));
      const data = dtype === 'i32' ? Int32Array.from(values) : Float32Array.from(values);
      return [input, { shape, dtype, data }];
    }),
  );
};

/** Whether a case is for what files can hold: some f32 and i32, finite. */
const isPlain = (row: Case): boolean =>
  rowNamed(row.op) !== undefined &&
  Object.values(row.inputs).every(
    ({ shape, dtype }) => dtype !== 'u32' && numel(shape) > 0 && numel(shape) <= LARGEST,
  ) &&
  Object.values(filled(row)).every(({ data }) => data.every(Number.isFinite));

/** What is wrong with onnxruntime's results; undefined where they are right. */
async function problemOf(row: Case, opset: number): Promise<string | undefined> {
  const inputs = filled(row);
  const names = Object.keys(inputs);
  const run = (...given: Tensor[]) => {
    const tensors = Object.fromEntries(names.map((name, i) => [name, given[i]!]));
    return recordOperation(operations[row.op], tensors, row.attrs ?? {});
  };
  const wanted = run(...Object.values(inputs).map(({ data, shape, dtype }) => tensor(data, shape, dtype)));
  const outputs = OUTPUTS[row.op] ?? Object.keys(wanted);
  const options = { layout: 'nhwc', dynamicBatch: false, opset, outputs } as const;
  const found = await runOnnx(await exportOnnx(run, inputs, options), inputs);
  const { atol = 1e-5, rtol = 1e-4 } = row;
  for (const name of outputs) {
    const { shape, data } = found[name]!;
    if (String(shape) !== String(wanted[name]!.shape)) return `${name} is [${shape}]`;
    const values = evaluate([wanted[name]!])[0]!;
    const at = values.findIndex((value: number, i: number) => {
      const close = Math.abs(value - data[i]!) <= atol + rtol * Math.abs(value);
      return value !== data[i] && !close;
    });
    if (at >= 0) return `${name}[${at}] is ${data[at]}, not ${values[at]}`;
  }
  return undefined;
}

/** The problems of rows by their names, and the messages of those that are refused. */
async function problemsOf(rows: readonly Case[], opset: number) {
  const [problems, refused]: [string[], string[]] = [[], []];
  for (const row of rows) {
    const name = `${row.op}: ${row.name}`;
    if (OTHERWISE[name]) continue;
    try {
      const problem = await problemOf(row, opset);
      if (problem) problems.push(`${name}: ${problem}`);
    } catch (error) {
      if (error instanceof UnsupportedError) refused.push(error.message);
      else problems.push(`${name}: ${(error as Error).message}`);
    }
  }
  return { problems, refused };
}

const plain = cases.filter(isPlain);
const EVEN = /^exportOnnx: local_response_norm .*: size 4 is even/;

describe('operations as ONNX', () => {
  it('give the values of their references in onnxruntime', async () => {
    const { problems, refused } = await problemsOf(plain, 17);
    expect(problems).toEqual([]);
    expect(refused).toEqual([expect.stringMatching(EVEN)]);
    expect(plain.length).toBeGreaterThan(500);
  });

  it.each([13, 16, 21])('opset %i: one case of each', async (opset) => {
    const first = [...new Map(plain.toReversed().map((row) => [row.op, row])).values()];
    const leveled = plain.find(({ op, name }) => op === 'group_norm' && name === 'levels')!;
    const { problems, refused } = await problemsOf([...first, leveled], opset);
    expect(problems).toEqual([]);
    expect(refused.every((message) => opset < 16 && message.endsWith('needs opset 16'))).toBe(true);
    expect(first.length).toBeGreaterThan(80);
  });
});
