import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/errors.ts';
import { tensor } from '../../src/graph/tensor.ts';
import { MultiheadAttention, type MultiheadAttentionOptions } from '../../src/nn/attention.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { values } from '../plan/graphs.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { expectClose, expectModule, namesOf, type Variable, variable, variablesOf } from './check.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const [N, E, HEADS] = [2, 6, 3];
const D = E / HEADS;

type Matrix = number[][];
type Allowed = (l: number, s: number) => boolean;

const rowsOf = (v: ArrayLike<number>, n: number, length: number): Matrix =>
  Array.from({ length }, (_, l) => Array.from(v).slice((n * length + l) * E, (n * length + l + 1) * E));

/** x W^T + b, as PyTorch's linear: weight [O,E]. */
const dense = (x: Matrix, weight: Matrix, bias: readonly number[]): Matrix =>
  x.map((row) => weight.map((w, o) => row.reduce((total, value, i) => total + value * w[i]!, bias[o]!)));

interface Weights {
  /** PyTorch's in_proj_weight [3 E,E] and out_proj.weight [E,E]. */
  readonly inProj: Matrix;
  readonly inBias: readonly number[];
  readonly outProj: Matrix;
  readonly outBias: readonly number[];
}

/** torch.nn.functional.multi_head_attention_forward of one image, written out. */
function attend(query: Matrix, key: Matrix, value: Matrix, weights: Weights, allowed: Allowed): Matrix {
  const { inProj, inBias, outProj, outBias } = weights;
  const [q, k, v] = [query, key, value].map((x, i) =>
    dense(x, inProj.slice(i * E, (i + 1) * E), inBias.slice(i * E, (i + 1) * E)),
  ) as [Matrix, Matrix, Matrix];
  const joined = q.map((row, l) =>
    Array.from({ length: HEADS }, (_, h) => {
      const part = (x: readonly number[]) => x.slice(h * D, (h + 1) * D);
      const scores = k.map((other, s) => {
        const score = part(row).reduce((total, a, i) => total + a * part(other)[i]!, 0) / Math.sqrt(D);
        return allowed(l, s) ? Math.exp(score) : 0;
      });
      const total = scores.reduce((a, b) => a + b);
      return Array.from({ length: D }, (_unused, i) =>
        scores.reduce((sum, score, s) => sum + (score / total) * part(v[s]!)[i]!, 0),
      );
    }).flat(),
  );
  return dense(joined, outProj, outBias);
}

/** Weights in Fovea's layout [I,O] as PyTorch's [O,I]. */
const transposed = (v: ArrayLike<number>, outputs: number): Matrix =>
  Array.from({ length: outputs }, (_, o) => Array.from({ length: E }, (_unused, i) => v[i * outputs + o]!));

const weightsOf = (v: Readonly<Record<string, ArrayLike<number>>>): Weights => ({
  inProj: transposed(v.in_proj_weight!, 3 * E),
  inBias: Array.from(v.in_proj_bias ?? new Float64Array(3 * E)),
  outProj: transposed(v['out_proj.weight']!, E),
  outBias: Array.from(v['out_proj.bias'] ?? new Float64Array(E)),
});

const everything: Allowed = () => true;

describe('MultiheadAttention', () => {
  it.each([
    ['of everything', {}, {}, everything],
    ['causal', {}, { isCausal: true }, (l, s) => s <= l],
    [
      'with a mask',
      {},
      { mask: tensor(Int32Array.of(1, 0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0, 0), [4, 4]) },
      (l, s) => [1, 0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0, 0][l * 4 + s] === 1,
    ],
    ['without biases', { bias: false }, {}, everything],
  ] as readonly [
    string,
    MultiheadAttentionOptions,
    object,
    Allowed,
  ][])('self-attention %s', async (_name, options, attending, allowed) => {
    const L = 4;
    const module = new MultiheadAttention(E, HEADS, options);
    const x = variable('x', [N, L, E]);
    const inputs: Record<string, Variable> = { ...variablesOf(module), x };
    await expectModule(gpu, {
      inputs,
      forward: () => module.forward(x.tensor, x.tensor, x.tensor, attending),
      shape: [N, L, E],
      wanted: (v) =>
        Array.from({ length: N }, (_, n) => {
          const rows = rowsOf(v.x!, n, L);
          return attend(rows, rows, rows, weightsOf(v), allowed);
        }).flat(2),
    });
  });

  it('of other keys and values', async () => {
    const [L, S] = [3, 5];
    const module = new MultiheadAttention(E, HEADS);
    const [query, key, value] = [
      variable('q', [N, L, E]),
      variable('k', [N, S, E]),
      variable('v', [N, S, E]),
    ];
    const inputs: Record<string, Variable> = { ...variablesOf(module), query, key, value };
    await expectModule(gpu, {
      inputs,
      forward: () => module.forward(query.tensor, key.tensor, value.tensor),
      shape: [N, L, E],
      wanted: (v) =>
        Array.from({ length: N }, (_, n) =>
          attend(
            rowsOf(v.query!, n, L),
            rowsOf(v.key!, n, S),
            rowsOf(v.value!, n, S),
            weightsOf(v),
            everything,
          ),
        ).flat(2),
    });
  });

  it('takes PyTorch’s state dict', async () => {
    const module = new MultiheadAttention(E, HEADS);
    expect(namesOf(module)).toEqual(['in_proj_weight', 'in_proj_bias', 'out_proj.weight', 'out_proj.bias']);
    const entry = (name: string, shape: number[]) => [name, { shape, data: values(name, shape) }] as const;
    const dict = new Map([
      entry('in_proj_weight', [3 * E, E]),
      entry('in_proj_bias', [3 * E]),
      entry('out_proj.weight', [E, E]),
      entry('out_proj.bias', [E]),
    ]);
    module.loadStateDict(dict, { source: 'torch', layout: 'pytorch' });
    const x = values('x', [1, 4, E]);
    const [y] = await gpu.read(module.forward(tensor(x, [1, 4, E])));
    const matrix = (name: string, rows: number) =>
      Array.from({ length: rows }, (_, o) => Array.from(dict.get(name)!.data.slice(o * E, (o + 1) * E)));
    const rows = rowsOf(x, 0, 4);
    const weights = {
      inProj: matrix('in_proj_weight', 3 * E),
      inBias: Array.from(dict.get('in_proj_bias')!.data),
      outProj: matrix('out_proj.weight', E),
      outBias: Array.from(dict.get('out_proj.bias')!.data),
    };
    expectClose('y', y!, attend(rows, rows, rows, weights, everything).flat());
  });

  it('leaves out attention weights in training', async () => {
    const module = new MultiheadAttention(E, HEADS, { dropout: 0.5 });
    const plain = new MultiheadAttention(E, HEADS);
    for (const each of [module, plain]) variablesOf(each);
    const x = tensor(values('x', [1, 4, E]), [1, 4, E]);
    const [dropped, whole] = await gpu.read(module.forward(x), plain.forward(x));
    expect(dropped).not.toEqual(whole);
    const [evaluated] = await gpu.read(module.eval().forward(x));
    expect(evaluated).toEqual(whole);
  });

  it('refuses widths that do not fit', () => {
    expect(() => new MultiheadAttention(6, 4)).toThrow(ShapeError);
    const module = new MultiheadAttention(E, HEADS);
    expect(() => module.forward(tensor(new Float32Array(8), [1, 2, 4]))).toThrow(
      'MultiheadAttention: query [1,2,4] must be [N,length,6]',
    );
    const [x, other] = [tensor(new Float32Array(12), [1, 2, 6]), tensor(new Float32Array(24), [2, 2, 6])];
    expect(() => module.forward(x, other)).toThrow('MultiheadAttention: key [2,2,6] must be');
  });
});
