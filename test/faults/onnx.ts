/** Mutated ONNX models: loading and recording must give outputs or a FoveaError, in bounded time and memory. */
import { readFileSync } from 'node:fs';
import { FoveaError } from '../../src/errors.ts';
import { tensor } from '../../src/graph/tensor.ts';
import { dtypeOf } from '../../src/onnx/dataTypes.ts';
import { loadOnnx } from '../../src/onnx/index.ts';
import type { Random } from '../../src/vision/random.ts';
import { type Case, caseBytes } from '../onnx/models.ts';

/** Small, valid models: one node each. `folder` holds test/fixtures/onnx.json. */
export function onnxSeeds(folder: string): Readonly<Record<string, Uint8Array>> {
  const cases = JSON.parse(readFileSync(`${folder}/onnx.json`, 'utf8')) as readonly Case[];
  return Object.fromEntries(cases.map((one, i) => [`${one.op} ${i}`, caseBytes(one)]));
}

/** Bytes that are large numbers, as protobuf writes them. */
const NUMBERS: readonly (readonly number[])[] = [
  [0xff, 0xff, 0xff, 0xff, 0x07],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x20],
  [0],
  [0x7f],
];

/** One to three changes: a bit, a byte, a number put in, a piece left out or repeated. */
export function mutateModel(seed: Uint8Array, random: Random): Uint8Array {
  let bytes: readonly number[] = Array.from(seed);
  for (let n = 1 + random.integer(3); n > 0; n--) {
    const at = random.integer(bytes.length + 1);
    const end = Math.min(at + 1 + random.integer(6), bytes.length);
    const [before, piece, after] = [bytes.slice(0, at), bytes.slice(at, end), bytes.slice(end)];
    switch (random.integer(6)) {
      case 0:
      case 1:
        bytes = bytes.with(at % bytes.length, bytes[at % bytes.length]! ^ (1 << random.integer(8)));
        break;
      case 2:
        bytes = bytes.with(at % bytes.length, random.integer(256));
        break;
      case 3:
        bytes = [...before, ...NUMBERS[random.integer(NUMBERS.length)]!, ...bytes.slice(at + 1)];
        break;
      case 4:
        bytes = [...before, ...after];
        break;
      default:
        bytes = [...before, ...piece, ...piece, ...after];
    }
    if (bytes.length === 0) bytes = [0];
  }
  return Uint8Array.from(bytes);
}

/** Loads and records: `read`, or the class of the error. Throws what is no FoveaError. */
export function recordModel(bytes: Uint8Array): string {
  try {
    const model = loadOnnx(bytes);
    const inputs = Object.fromEntries(
      model.inputs.map(({ name, type, shape }) => {
        const sizes = (shape ?? [2]).map((size) => (typeof size === 'number' ? size : 2));
        const dtype = dtypeOf(type, name);
        const count = sizes.reduce((product, size) => product * size, 1);
        // Of what is too large to make there is nothing to run.
        if (!(count >= 0 && count <= 1e5)) throw new FoveaError('too large');
        const values = dtype === 'f32' ? new Float32Array(count).fill(0.5) : new Int32Array(count).fill(1);
        return [name, tensor(values, sizes)];
      }),
    );
    model.forward(inputs);
    return 'read';
  } catch (error) {
    if (error instanceof FoveaError) return error.constructor.name;
    throw error;
  }
}
