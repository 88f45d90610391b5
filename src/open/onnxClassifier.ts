import type { FloatImage } from '../data/image.ts';
import type { Gpu } from '../plan/gpu.ts';
import {
  type Classification,
  type ClassifyOptions,
  type ImageClassifier,
  mostProbable,
} from '../tasks/classifier.ts';
import type { GpuImage } from '../tasks/gpuImage.ts';
import { expectImage } from '../tasks/networkInput.ts';
import type { Head } from './onnxHeads.ts';
import { type OpenedOnnx, Runner } from './onnxRun.ts';

/** Probabilities add up to 1 within this. */
const ROUNDING = 1e-3;

/** Probabilities as they are, and of other scores the softmax: some files have it in them, and some have not. */
export function probabilitiesOf(scores: ArrayLike<number>): Float32Array {
  const values = Float32Array.from(scores);
  const total = values.reduce((sum, value) => sum + value, 0);
  if (values.every((value) => value >= 0) && Math.abs(total - 1) < ROUNDING) return values;
  const top = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const powers = Array.from(values, (value) => Math.exp(value - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return Float32Array.from(powers, (power) => power / sum);
}

/** Classifies images with an ONNX model. */
export class OnnxClassifier implements ImageClassifier {
  readonly classNames: readonly string[];
  readonly #gpu: Gpu;
  readonly #runner: Runner;
  readonly #output: string;

  constructor(gpu: Gpu, opened: OpenedOnnx, { output }: Extract<Head, { kind: 'classes' }>) {
    this.#gpu = gpu;
    this.#runner = new Runner(gpu, opened);
    this.#output = output;
    this.classNames = opened.classNames;
  }

  async probabilities(image: FloatImage | GpuImage): Promise<Float32Array> {
    expectImage('classify', 'image', image, this.#gpu);
    const { outputs } = await this.#runner.run(image);
    return probabilitiesOf(outputs.get(this.#output)!.data);
  }

  async classify(image: FloatImage | GpuImage, options: ClassifyOptions = {}): Promise<Classification[]> {
    return mostProbable(await this.probabilities(image), this.classNames, options);
  }

  dispose(): void {
    this.#runner.dispose();
  }
}
