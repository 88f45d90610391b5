import type { Later } from '../graph/state.ts';
import { objectOf, withDefaults } from '../options.ts';
import { expectShape, numel, type Shape } from '../shape.ts';
import { type Generator, type GeneratorOption, usedGenerator } from './random.ts';

/** How normal values are drawn. */
export interface NormalOptions extends GeneratorOption {
  /** Standard deviation. Default 1. */
  readonly std?: number;
}

/**
 * Draws normal values of mean 0 (Box and Muller 1958), for a `Parameter` of your own.
 * @param shape The parameter's shape.
 */
export function normal(shape: Shape, options: NormalOptions = {}): Float32Array {
  expectShape('normal', shape);
  const { std, generator } = withDefaults('normal', options, { std: 1, generator: undefined });
  const values = new Float32Array(numel(shape));
  fill(usedGenerator('normal', generator), values, std);
  return values;
}

function fill(random: Generator, values: Float32Array, std: number): void {
  for (let i = 0; i < values.length; i++) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    values[i] = std * radius * Math.cos(2 * Math.PI * random());
  }
}

/** Values that are drawn between two rests: about 4 ms. */
const PART = 1 << 16;

/**
 * Draws the values of `normal` when they are first asked for: a model whose weights are loaded never draws them, which would
 * take about 50 ns per weight. Throws UsageError for what is no generator.
 * @param name What messages call it.
 */
export function normalLater(
  name: string,
  generator: Generator | undefined,
  shape: Shape,
  std: number,
): Later {
  const random = usedGenerator(name, generator);
  const own = random.skip?.(2 * numel(shape));
  const drawn = own ? undefined : normal(shape, { std, generator: random });
  return function* draw() {
    if (!own?.skip) return drawn!;
    const values = new Float32Array(numel(shape));
    const again = own.skip(0);
    for (let at = 0; at < values.length; at += PART) {
      fill(again, values.subarray(at, at + PART), std);
      yield;
    }
    return values;
  };
}

/** The standard deviation of Kaiming's initial weights for ReLU (He et al. 2015). */
export const kaimingStd = (fan: number): number => Math.sqrt(2 / fan);

/** How Kaiming's initial weights are drawn. */
export interface KaimingOptions extends GeneratorOption {
  /** Inputs (or outputs) of each neuron: kh kw C for a convolution. */
  readonly fan: number;
}

/**
 * Draws Kaiming's initial weights for layers before a ReLU: normal values of standard deviation sqrt(2 / fan) (He et al. 2015).
 * @param shape The parameter's shape.
 */
export function kaimingNormal(shape: Shape, options: KaimingOptions): Float32Array {
  const defaults = { fan: objectOf('kaimingNormal', options).fan, generator: undefined };
  const { fan, generator } = withDefaults('kaimingNormal', options, defaults);
  expectShape('kaimingNormal', shape);
  return normal(shape, { std: kaimingStd(fan), generator });
}

/** Values that are all the same, for a `Parameter` or `Buffer` of your own. */
export function constant(shape: Shape, value: number): Float32Array {
  expectShape('constant', shape);
  return new Float32Array(numel(shape)).fill(value);
}
