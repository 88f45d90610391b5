import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as f from '../../src/graph/index.ts';

// einsum against NumPy's (test/fixtures/einsum.py), on the references; its gradient against finite differences.

interface EinsumCase {
  readonly equation: string;
  readonly inputs: readonly { readonly shape: number[]; readonly data: number[] }[];
  readonly shape: number[];
  readonly data: number[];
}
const cases: EinsumCase[] = JSON.parse(
  readFileSync(new URL('../fixtures/einsum.json', import.meta.url), 'utf8'),
);

const leaf = (data: readonly number[], shape: readonly number[]) =>
  new f.Tensor({ shape, dtype: 'f32' }, { kind: 'constant', data: Float64Array.from(data) }, true);

describe('einsum', () => {
  it.each(cases.map((row) => [row.equation, row] as const))('%s', (equation, { inputs, shape, data }) => {
    const operands = inputs.map((input) => leaf(input.data, input.shape));
    const y = f.einsum(equation, ...operands);
    expect(y.shape).toEqual(shape);
    const [values] = f.evaluate([y]);
    expect(Array.from(values!, (v) => v + 0)).toEqual(data.map((v) => v + 0));
    const loss = f.sum(f.mul(y, y));
    const gradients = f.grad([loss], operands);
    operands.forEach((operand, k) => {
      const center = Float64Array.from(inputs[k]!.data);
      const [gradient] = f.evaluate([gradients[k]!]);
      const at = (i: number, step: number) =>
        f.evaluate([loss], new Map([[operand, center.with(i, center[i]! + step)]]))[0]![0]!;
      center.forEach((_, i) => {
        expect((at(i, 1e-4) - at(i, -1e-4)) / 2e-4).toBeCloseTo(gradient![i]!, 4);
      });
    });
  });

  it('takes the diagonal of what broadcasts, and sums an ellipsis that the output lacks', () => {
    const x = f.tensor([1, 2, 3], [1, 3]);
    expect(Array.from(f.evaluate([f.einsum('ii->i', x)])[0]!)).toEqual([1, 2, 3]);
    expect(Array.from(f.evaluate([f.einsum('...i->i', f.tensor([1, 2, 3, 4], [2, 2]))])[0]!)).toEqual([4, 6]);
  });
});
