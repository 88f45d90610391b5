import { evaluate } from '../../src/graph/evaluate.ts';
import { Tensor, tensor } from '../../src/graph/tensor.ts';
import { noGrad } from '../../src/graph/tracking.ts';
import type { Module } from '../../src/nn/module.ts';
import type { Outcome } from '../../src/onnx/index.ts';
import { numel, type Shape } from '../../src/shape.ts';
import { Random } from '../../src/vision/random.ts';
import { runOnnx } from './onnxruntime.mjs';

/** Values on the host. */
export interface Values {
  readonly shape: Shape;
  readonly data: Float32Array | Int32Array;
}

/** Gives biases, scales and running statistics values of their own, which are alike in a new model, and evaluates it. */
export function scattered<M extends Module>(model: M, seed = 1): M {
  const random = new Random(seed);
  for (const [name, state] of model.namedStates()) {
    if (state.spec.shape.length !== 1) continue;
    const spread = /(running_var|weight)$/.test(name) ? 0.4 : 0.2;
    state.set(Float32Array.from(state.initial, (value) => value + spread * (random.uniform() - 0.5)));
  }
  return model.eval();
}

/** Uniform numbers in 0..1. */
export function noise(shape: Shape, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: numel(shape) }, () => random.uniform());
}

/** [N,H,W,C] as [N,C,H,W]; other ranks as they are. */
export function channelsFirst({ shape, data }: Values): Values {
  if (shape.length !== 4) return { shape, data };
  const [N, H, W, C] = shape as [number, number, number, number];
  const out = data.slice();
  for (let n = 0, i = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      for (let pixel = 0; pixel < H * W; pixel++) out[i++] = data[(n * H * W + pixel) * C + c]!;
    }
  }
  return { shape: [N, C, H, W], data: out };
}

/** What a function gives, by the names that an export gives it. */
export function namedResults(outcome: Outcome): Record<string, Tensor> {
  if (outcome instanceof Tensor) return { output: outcome };
  if (!Array.isArray(outcome)) return { ...(outcome as Record<string, Tensor>) };
  return Object.fromEntries(outcome.map((value, i) => [`output_${i}`, value]));
}

/** The largest difference, in units of the largest value of b where that is over 1; infinite where shapes differ. */
export function difference(a: Values, b: Values): number {
  if (String(a.shape) !== String(b.shape)) return Number.POSITIVE_INFINITY;
  let [most, scale] = [0, 1];
  for (let i = 0; i < b.data.length; i++) {
    // NaN counts as any difference.
    const apart = Math.abs(a.data[i]! - b.data[i]!);
    if (!(apart <= most)) most = apart;
    scale = Math.max(scale, Math.abs(b.data[i]!));
  }
  return most / scale;
}

/** The results of a function of images by the references in double precision. */
export function referenceResults(fn: (images: Tensor) => Outcome, images: Values): Record<string, Values> {
  const results = noGrad(() => namedResults(fn(tensor(images.data, images.shape))));
  const values = evaluate(Object.values(results));
  return Object.fromEntries(
    Object.entries(results).map(([name, { shape, dtype }], i) => [
      name,
      { shape, data: dtype === 'i32' ? Int32Array.from(values[i]!) : Float32Array.from(values[i]!) },
    ]),
  );
}

/** How far onnxruntime's results of a file are from those of a function of images [N,H,W,C]; by output. */
export async function differences(
  bytes: Uint8Array,
  fn: (images: Tensor) => Outcome,
  images: Values,
  { given, wanted }: Readonly<Record<'given' | 'wanted', (values: Values) => Values>> = {
    given: channelsFirst,
    wanted: channelsFirst,
  },
): Promise<Record<string, number>> {
  const expected = referenceResults(fn, images);
  // A detector that finds nothing would agree with anything that finds nothing.
  if (expected.count && !expected.count.data.every((count) => count > 0))
    throw new Error('nothing is detected');
  const found = await runOnnx(bytes, { images: given(images) });
  return Object.fromEntries(
    Object.entries(found).map(([name, values]) => [name, difference(values, wanted(expected[name]!))]),
  );
}
