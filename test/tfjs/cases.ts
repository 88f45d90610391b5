import { readFileSync } from 'node:fs';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';

interface Values {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly values: readonly number[];
}

/** A model of test/fixtures/tfjs.mjs: weights in base64, inputs and TensorFlow.js's outputs in order. */
export interface Case {
  readonly name: string;
  readonly model: {
    readonly format: string;
    readonly modelTopology: { readonly node?: readonly { readonly op: string }[] };
    readonly weightsManifest: readonly object[];
  };
  readonly weights: string;
  readonly inputs: readonly Values[];
  readonly outputs: readonly Values[];
}

export const cases = JSON.parse(
  readFileSync(new URL('../fixtures/tfjs.json', import.meta.url), 'utf8'),
) as readonly Case[];

export const caseNamed = (name: string): Case => cases.find((one) => one.name === name)!;

export const weightsOf = ({ weights }: Case): Uint8Array => new Uint8Array(Buffer.from(weights, 'base64'));

export const tensorOf = ({ shape, dtype, values }: Values): Tensor =>
  tensor(dtype === 'float32' ? Float32Array.from(values) : Int32Array.from(values), shape);
