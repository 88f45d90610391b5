import { describe, expect, it } from 'vitest';
import { evaluate } from '../../src/graph/evaluate.ts';
import { loadTfjs } from '../../src/tfjs/index.ts';
import { cases, tensorOf, weightsOf } from './cases.ts';

// Outputs as TensorFlow.js 4.22.0 computes them (test/fixtures/tfjs.mjs), by the references alone: no device.
describe('models of TensorFlow.js give its numbers', () => {
  it.each(cases.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    const model = await loadTfjs(one.model, weightsOf(one));
    const inputs = Object.fromEntries(model.inputs.map(({ name }, i) => [name, tensorOf(one.inputs[i]!)]));
    const outputs = Object.values(model.forward(inputs));
    expect(outputs.map(({ shape, dtype }) => [shape, dtype])).toEqual(
      one.outputs.map(({ shape, dtype }) => [shape, dtype === 'float32' ? 'f32' : 'i32']),
    );
    const results = evaluate(outputs);
    for (const [i, { values }] of one.outputs.entries()) {
      const most = Math.max(...values.map(Math.abs));
      const apart = values.map((value, k) => Math.abs(value - results[i]![k]!));
      expect(Math.max(...apart)).toBeLessThanOrEqual(1e-5 * most);
    }
  });

  it('cover layers and operations', () => {
    expect(cases.length).toBeGreaterThan(150);
  });
});
