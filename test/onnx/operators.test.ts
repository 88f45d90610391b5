import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../src/graph/evaluate.ts';
import { isFloatType } from '../../src/onnx/dataTypes.ts';
import { loadOnnx } from '../../src/onnx/index.ts';
import { operators } from '../../src/onnx/operators/index.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { type Case, caseBytes, caseInputs, type Values } from './models.ts';

// What NumPy and PyTorch compute (test/fixtures/onnx.py).
const cases = JSON.parse(
  readFileSync(new URL('../fixtures/onnx.json', import.meta.url), 'utf8'),
) as readonly Case[];

/** Operations that need graphs, of which test/onnx/graphs.test.ts has models. */
const ELSEWHERE = ['If', 'Loop'];

function expectValues(found: ArrayLike<number>, { type, data }: Values): void {
  expect(found.length).toBe(data.length);
  data.forEach((value, i) => {
    const wanted = Number(value);
    const isClose =
      Object.is(found[i], wanted) ||
      found[i] === wanted ||
      (isFloatType(type) && Math.abs(found[i]! - wanted) <= 2e-6 + 2e-5 * Math.abs(wanted));
    if (!isClose) expect.fail(`${found[i]} at ${i}, not ${wanted}`);
  });
}

describe('operations of ONNX', () => {
  it('all have a test', () => {
    const tested = new Set([...cases.map(({ op }) => op), ...ELSEWHERE]);
    expect(Object.keys(operators).filter((name) => !tested.has(name))).toEqual([]);
    expect([...tested].filter((name) => !Object.hasOwn(operators, name))).toEqual([]);
  });

  it.each(
    cases.map(
      (one, i) =>
        [`${one.op} ${JSON.stringify(one.attributes)} opset ${one.opset} ${one.note} (${i})`, one] as const,
    ),
  )('%s', async (_, one) => {
    const model = loadOnnx(caseBytes(one));
    const outputs = model.forward(caseInputs(one));
    const tensors = one.outputs.map((_, i) => outputs[`y${i}`]!);
    tensors.forEach((value, i) => {
      expect(value.shape).toEqual(one.outputs[i]!.shape);
    });
    const gpu = await sharedGpu();
    const computed = await gpu.read(...tensors);
    const references = evaluate(tensors);
    one.outputs.forEach((wanted, i) => {
      expectValues(references[i]!, wanted);
      expectValues(computed[i]!, wanted);
    });
  });
});
