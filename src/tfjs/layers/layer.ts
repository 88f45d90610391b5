import { DataError } from '../../errors.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { plain, quote } from '../../io/fileTensor.ts';
import { isRecord } from '../../io/tfjs/manifest.ts';
import type { Buffer, Module, Parameter } from '../../nn/module.ts';
import { UnsupportedError } from '../../onnx/unsupported.ts';
import { activations } from '../activations.ts';
import type { Weights } from '../weights.ts';
import type { Padding, Two, Windows } from '../windows.ts';

/** Records a layer for the tensors it is applied to, in order. */
export type RunLayer = (inputs: readonly Tensor[], training: boolean) => Tensor;

/** Reads a layer's configuration and weights, once, when a model is loaded. */
export type BuildLayer = (layer: Layer) => RunLayer;

/** A layer as a model describes it: its configuration, checked as it is read, and its weights. */
export class Layer {
  readonly name: string;
  readonly className: string;
  /** What messages call it: `Conv2D "conv1"`. */
  readonly label: string;
  /** Whether its weights are trained, as the model says. */
  readonly trainable: boolean;
  readonly #config: Readonly<Record<string, unknown>>;
  readonly #weights: Weights;

  constructor(className: string, config: Readonly<Record<string, unknown>>, weights: Weights) {
    this.className = className;
    this.#config = config;
    this.#weights = weights;
    this.name = typeof config.name === 'string' ? config.name : '';
    this.label = `${plain(className)} ${quote(this.name)}`;
    this.trainable = config.trainable !== false;
    if (this.name === '') this.damaged('has no name');
  }

  /** Throws DataError: the configuration is not one of its class. */
  damaged(what: string): never {
    throw new DataError(`${this.label}: ${what}; the file is damaged`);
  }

  /** Throws UnsupportedError: a form of the layer that there is none of. */
  refuse(why: string): never {
    throw new UnsupportedError(`${this.label}: ${why}`);
  }

  /** An entry of the configuration; undefined where it is left out or null. */
  get(key: string): unknown {
    return Object.hasOwn(this.#config, key) ? (this.#config[key] ?? undefined) : undefined;
  }

  #expect<T>(key: string, value: T | undefined, isOne: boolean, what: string): T {
    if (isOne && value !== undefined) return value;
    return this.damaged(`${key} is ${value === undefined ? 'missing' : `not ${what}`}`);
  }

  number(key: string, fallback?: number): number {
    const value = this.get(key) ?? fallback;
    return this.#expect(key, value as number | undefined, Number.isFinite(value), 'a number');
  }

  /** A number that may be left out. */
  optionalNumber(key: string): number | undefined {
    return this.get(key) === undefined ? undefined : this.number(key);
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.get(key) ?? fallback;
    return this.#expect(key, value as boolean, typeof value === 'boolean', 'true or false');
  }

  text(key: string, fallback: string): string {
    const value = this.get(key) ?? fallback;
    return this.#expect(key, value as string, typeof value === 'string', 'a text');
  }

  /** Whole numbers; null is written for -1 at times. */
  integers(key: string): readonly number[] {
    const value = this.get(key);
    const list = Array.isArray(value) ? value.map((item: unknown) => item ?? -1) : undefined;
    const isOne = list?.every(Number.isSafeInteger) ?? false;
    return this.#expect(key, list as number[] | undefined, isOne, 'a list of whole numbers');
  }

  /** Whole numbers above 0 along height and width, or one for both. */
  pair(key: string, fallback: number | Two): Two {
    const value = this.get(key) ?? fallback;
    const list: unknown[] = Array.isArray(value) ? value : [value, value];
    const isPair =
      list.length === 2 && list.every((size) => Number.isSafeInteger(size) && (size as number) > 0);
    return this.#expect(key, list as unknown as Two, isPair, 'one or two whole numbers above 0');
  }

  /** Whole numbers from 0 on before and after, along height and width: one, two, or two pairs. */
  sides(key: string): readonly [Two, Two] {
    const value = this.get(key);
    const list: unknown[] = Array.isArray(value) ? value : [value, value];
    const pairs = list.map((side): unknown[] => (Array.isArray(side) ? side : [side, side]));
    const isOne =
      pairs.length === 2 &&
      pairs.every(
        (pair) => pair.length === 2 && pair.every((n) => Number.isSafeInteger(n) && (n as number) >= 0),
      );
    return this.#expect(key, pairs as unknown as readonly [Two, Two], isOne, 'a padding');
  }

  /** Throws UnsupportedError unless images are [N,H,W,C]. */
  expectChannelsLast(): void {
    const format = this.text('data_format', 'channels_last');
    if (format === 'channels_first') {
      this.refuse('data_format channels_first is not supported; convert the model to channels_last');
    }
    if (format !== 'channels_last') this.damaged('data_format is not known');
  }

  /** How windows lie, of a convolution or pooling; and that images are [N,H,W,C]. */
  windows(stride: number | Two): Windows {
    this.expectChannelsLast();
    const padding = this.text('padding', 'valid').toUpperCase();
    if (padding !== 'SAME' && padding !== 'VALID') this.refuse(`padding ${quote(padding)} is not supported`);
    return {
      stride: this.pair('strides', stride),
      dilation: this.pair('dilation_rate', 1),
      padding: padding as Padding,
    };
  }

  /** The function of an activation. */
  activation(key = 'activation'): (x: Tensor) => Tensor {
    const value = this.get(key) ?? 'linear';
    // Keras 3 may write functions as objects.
    const name = isRecord(value)
      ? typeof value.config === 'string'
        ? value.config
        : value.class_name
      : value;
    if (typeof name === 'string' && Object.hasOwn(activations, name)) return activations[name]!;
    return typeof name === 'string'
      ? this.refuse(`activation ${quote(name)} is not supported`)
      : this.damaged(`${key} is no name`);
  }

  /** The axis of channels, which must be the last: given as -1 or as its number. Undefined for any rank. */
  expectLastAxis(key: string, rank: number | undefined): void {
    const value = this.get(key) ?? -1;
    const axes: unknown[] = Array.isArray(value) ? value : [value];
    if (axes.length === 1 && (axes[0] === -1 || rank === undefined || axes[0] === rank - 1)) return;
    this.refuse(`${key} [${axes.join(',')}] is not supported; only the last one is`);
  }

  /** The full name of one of its weights: models in models, and converters, put other names before or between. */
  #nameOf(weight: string): string | undefined {
    const { tensors } = this.#weights;
    const exact = `${this.name}/${weight}`;
    if (tensors.has(exact)) return exact;
    const alike = [...tensors.keys()].filter(
      (name) =>
        name.endsWith(`/${exact}`) || (name.startsWith(`${this.name}/`) && name.endsWith(`/${weight}`)),
    );
    if (alike.length > 1)
      this.damaged(`weights ${alike.slice(0, 4).map(quote).join(', ')} may all be its ${weight}`);
    return alike[0];
  }

  has(weight: string): boolean {
    return this.#nameOf(weight) !== undefined;
  }

  weight(weight: string): Parameter | Buffer {
    const name = this.#nameOf(weight);
    return name === undefined ? this.#missing(weight) : this.#weights.weight(name, this.trainable);
  }

  statistics(weight: string): Buffer {
    const name = this.#nameOf(weight);
    return name === undefined ? this.#missing(weight) : this.#weights.statistics(name);
  }

  #missing(weight: string): never {
    return this.damaged(`its weight ${weight} is not among those of the model`);
  }

  /** The bias, where there is one. */
  bias(): Tensor | undefined {
    return this.flag('use_bias', true) ? this.weight('bias').tensor : undefined;
  }

  /** A layer with a state of its own, found under this one's name. */
  hold<M extends Module>(module: M): M {
    this.#weights.members.set(this.name, module);
    return module;
  }
}

/** A layer that takes one tensor. */
export const one =
  (run: (x: Tensor, training: boolean) => Tensor): RunLayer =>
  ([x], training) =>
    run(x!, training);
