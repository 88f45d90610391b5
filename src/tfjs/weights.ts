import { DataError } from '../errors.ts';
import { type FileTensor, quote, toFloat32 } from '../io/fileTensor.ts';
import { Buffer, type Module, Parameter } from '../nn/module.ts';
import { UnsupportedError } from '../onnx/unsupported.ts';
import { formatShape, type Shape } from '../shape.ts';

/** Whether a weight is trained: `trainable` is what the model says. */
export type Trained = (name: string, shape: Shape, trainable: boolean) => boolean;

/** The weights of a model, as parameters and buffers that are made when a layer or node asks for them. */
export class Weights {
  /** What a module holds, by name: what was asked for, and layers with a state of their own. */
  readonly members = new Map<string, Parameter | Buffer | Module>();
  readonly tensors: ReadonlyMap<string, FileTensor>;
  readonly #trained: Trained;

  constructor(tensors: ReadonlyMap<string, FileTensor>, trained: Trained) {
    this.tensors = tensors;
    this.#trained = trained;
  }

  /** What was asked for, weights in the order of the file. */
  ordered(): ReadonlyMap<string, Parameter | Buffer | Module> {
    const names = [...this.tensors.keys()].filter((name) => this.members.has(name));
    return new Map(
      [...new Set([...names, ...this.members.keys()])].map((name) => [name, this.members.get(name)!]),
    );
  }

  #given(name: string): FileTensor {
    const given = this.tensors.get(name);
    if (!given) throw new DataError(`weight ${quote(name)} is missing; download the model again`);
    if (!['f32', 'f16'].includes(given.dtype)) {
      throw new UnsupportedError(
        `weight ${quote(name)}: of ${given.dtype} ${formatShape(given.shape)}; only floats are supported`,
      );
    }
    return given;
  }

  /** A weight that is trained, unless the model or the user says otherwise. */
  weight(name: string, trainable = true): Parameter | Buffer {
    const known = this.members.get(name);
    if (known instanceof Parameter || known instanceof Buffer) return known;
    const given = this.#given(name);
    if (!this.#trained(name, given.shape, trainable)) return this.statistics(name);
    // Converted when it is first needed: what other weights replace is never computed.
    const values =
      given.data instanceof Float32Array
        ? given.data
        : // biome-ignore lint/correctness/useYield: values are made at once.
          function* () {
            return toFloat32(given);
          };
    const parameter = new Parameter(given.shape, values);
    this.members.set(name, parameter);
    return parameter;
  }

  /** A weight that is saved but not trained. */
  statistics(name: string): Buffer {
    const known = this.members.get(name);
    if (known instanceof Buffer) return known;
    if (known)
      throw new DataError(`weight ${quote(name)} is both trained and a statistic; download the model again`);
    const given = this.#given(name);
    const buffer = new Buffer(given.shape, toFloat32(given));
    this.members.set(name, buffer);
    return buffer;
  }
}
