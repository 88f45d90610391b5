import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backward } from '../../src/graph/backward.ts';
import { add, mul } from '../../src/graph/functions/elementwise.ts';
import { sum } from '../../src/graph/functions/reduce.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { Parameter } from '../../src/nn/module.ts';
import { Adam, AdamW, type Optimizer, type ParameterGroup, RMSprop, SGD } from '../../src/nn/optimizers.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';

// The weights after given gradients, as PyTorch's optimizers leave them: fixtures/optimizers.py.

type Name = 'a' | 'b' | 'bias';
type Values = Readonly<Record<Name, readonly number[]>>;

interface Row {
  readonly name: string;
  readonly make: { readonly type: string; readonly lr: number };
  readonly frozen?: string;
  readonly rates?: readonly number[];
  readonly momentums?: readonly number[];
  readonly mults?: readonly [number, number];
  readonly after: readonly (Values & { readonly step: number })[];
}

const fixture: {
  readonly shapes: Values;
  readonly start: Values;
  readonly grads: readonly Values[];
  readonly patterns: Readonly<Record<string, readonly (readonly Name[])[]>>;
  readonly cases: readonly Row[];
} = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/optimizers.json'), 'utf8'));

const NAMES: readonly Name[] = ['a', 'b', 'bias'];
const TYPES: Readonly<
  Record<string, new (parameters: readonly ParameterGroup[], options: object) => Optimizer>
> = { Adam, AdamW, RMSprop, SGD };

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const download = (state: Parameters<Gpu['download']>[0]) => gpu.download(state);

/** The parameters of the fixture, their optimizer, and a step that takes their gradients. */
function setUp({ make: { type, ...options }, mults }: Row, frozen: readonly Name[] = []) {
  const parameters = NAMES.map((name) => new Parameter(fixture.shapes[name], fixture.start[name]));
  parameters.forEach((parameter, k) => {
    parameter.requiresGrad = !frozen.includes(NAMES[k]!);
  });
  const [a, b, bias] = parameters as [Parameter, Parameter, Parameter];
  const groups = mults
    ? [
        { parameters: [a, b], lrMult: mults[0] },
        { parameters: [bias], lr: options.lr * mults[1] },
      ]
    : [{ parameters }];
  const optimizer = new TYPES[type]!(groups, options);
  const step = gpu.capture((...grads: Tensor[]) => {
    backward(parameters.map(({ tensor: w }, i) => sum(mul(w, grads[i]!))).reduce(add));
    optimizer.step();
    return {};
  });
  const run = async (i: number, { frozen = 'never', rates, momentums }: Row): Promise<void> => {
    parameters.forEach((parameter, k) => {
      parameter.requiresGrad = !fixture.patterns[frozen]![i]!.includes(NAMES[k]!);
    });
    if (rates) optimizer.lr = rates[i]!;
    if (momentums) optimizer.momentum = momentums[i]!;
    await step(...NAMES.map((name) => tensor([...fixture.grads[i]![name]], [...fixture.shapes[name]])));
  };
  const values = async (): Promise<Record<Name, number[]>> => {
    const read = await Promise.all(parameters.map(({ state }) => gpu.download(state)));
    return Object.fromEntries(NAMES.map((name, k) => [name, Array.from(read[k]!)])) as Record<Name, number[]>;
  };
  return { optimizer, step, run, values };
}

describe('PyTorch’s optimizers give the same', () => {
  it.each(fixture.cases)('$name', async (row) => {
    const { step, run, values } = setUp(row);
    for (let i = 0; i < 12; i++) {
      await run(i, row);
      const want = row.after.find((one) => one.step === i);
      if (!want) continue;
      const got = await values();
      for (const name of NAMES) {
        got[name].forEach((value, k) => {
          // Some weights are near 20 on the way, where a rounding of f32 is 1e-6.
          const wanted = want[name][k]!;
          const off = Math.abs(value - wanted) / Math.max(1, Math.abs(wanted));
          expect(off, `${name}[${k}] after step ${i}`).toBeLessThan(5e-6);
        });
      }
    }
    step.dispose();
  });

  it.each(
    ['Adam', 'AdamW', 'RMSprop', 'SGD'].map((type) => `${type}, frozen in turns`),
  )('%s, from a checkpoint with the same bits, whatever was frozen when the optimizer was made', async (name) => {
    const row = fixture.cases.find((one) => one.name === name)!;
    const whole = setUp(row);
    const [first, rest] = [setUp(row), setUp(row, ['a', 'bias'])];
    for (let i = 0; i < 12; i++) await whole.run(i, row);
    for (let i = 0; i < 6; i++) await first.run(i, row);
    const saved = await first.optimizer.stateDict(download);
    rest.optimizer.loadStateDict(saved);
    const weights = await first.values();
    rest.optimizer.groups[0]!.parameters.forEach(({ state }, k) => {
      state.set(Float32Array.from(weights[NAMES[k]!]));
    });
    for (let i = 6; i < 12; i++) await rest.run(i, row);
    expect(await rest.values()).toEqual(await whole.values());
    expect([rest.optimizer.steps, saved.get('steps')!.data[0]]).toEqual([12, 6]);
    for (const { step } of [whole, first, rest]) step.dispose();
  });
});
