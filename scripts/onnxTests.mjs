// Runs ONNX's backend tests: every folder below DIR with a model.onnx and its test_data_set_*.
//   npm run onnx-tests -- DIR [--filter conv] [--verbose] [--cpu]
// A test passes where every output is within 1e-3 (relative) of the expected one, or is refused by the name of what is
// missing. --cpu computes by the float64 references instead of the GPU. Exits 1 where any is wrong.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { evaluate, openGpu, ShapeError, tensor } from 'fovea';
import { decodeOnnxTensor, loadOnnx, UnsupportedError } from 'fovea/onnx';

/** @typedef {import('fovea/onnx').HostTensor} HostTensor */

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    filter: { type: 'string', default: '' },
    verbose: { type: 'boolean', default: false },
    cpu: { type: 'boolean', default: false },
  },
});
const [root = '/usr/share/libonnx-testdata/data'] = positionals;
if (!existsSync(root)) {
  console.error(
    `onnx-tests: no folder ${root}; give that of ONNX's backend tests (Debian: libonnx-testdata)`,
  );
  process.exit(2);
}

const folders = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => path.basename(name) === 'model.onnx')
  .map((name) => path.dirname(name))
  .filter((name) => name.includes(options.filter))
  .sort();

/** @param {string} file */
const decode = (file) => decodeOnnxTensor(readFileSync(file));

/** The tensors of a data set, inputs or outputs. @param {string} folder @param {'input' | 'output'} kind */
function tensorsIn(folder, kind) {
  const count = readdirSync(folder).filter((name) => name.startsWith(`${kind}_`)).length;
  return Array.from({ length: count }, (_, i) => decode(path.join(folder, `${kind}_${i}.pb`)));
}

/** @param {import('fovea/onnx').OnnxType} type */
const isFloatType = (type) => ['float', 'float16', 'double', 'bfloat16'].includes(type);

/** ONNX stores bfloat16 of its tests as the bits of the upper half of a float. @param {HostTensor} host @returns {HostTensor} */
function fromBits({ shape, data }) {
  const floats = new Float32Array(Uint32Array.from(data, (half) => half << 16).buffer);
  return { type: 'bfloat16', shape, data: floats };
}

/** What a file has, as the model's type of it. @param {HostTensor} host @param {string | undefined} type */
const asType = (host, type) => (type === 'bfloat16' && host.type === 'uint16' ? fromBits(host) : host);

/** @param {HostTensor} host @param {string} name */
function toTensor({ type, shape, data }, name) {
  if (isFloatType(type)) {
    const floats = Float32Array.from(data);
    if (floats.some((value, i) => !Number.isFinite(value) && Number.isFinite(data[i]))) {
      throw new UnsupportedError(`${name}: ${type} beyond the range of 32 bits`);
    }
    return tensor(floats, shape);
  }
  if (data.some((value) => Math.abs(value) >= 2 ** 31)) {
    throw new UnsupportedError(`${name}: ${type} of more than 32 bits`);
  }
  return tensor(Int32Array.from(data), shape);
}

/** What is wrong with a result; undefined where nothing is. @param {ArrayLike<number>} found @param {HostTensor} wanted */
function difference(found, { type, data }) {
  if (found.length !== data.length) return `${found.length} values, not ${data.length}`;
  // Halves have 11 bits, bfloat16 8.
  const tolerance = type === 'float16' ? 2e-3 : type === 'bfloat16' ? 8e-3 : 1e-3;
  for (let i = 0; i < data.length; i++) {
    const [a, b] = [Number(found[i]), Number(data[i])];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    if (isFloatType(type) && Math.abs(a - b) <= 1e-6 + tolerance * Math.abs(b)) continue;
    return `${a} at ${i}, not ${b}`;
  }
  return undefined;
}

const gpu = options.cpu ? undefined : await openGpu();
/** Computes by the GPU, or by the references. */
const computer = gpu ?? {
  read: async (/** @type {import('fovea').Tensor[]} */ ...tensors) =>
    evaluate(tensors).map((data) => (data instanceof Float64Array ? Float32Array.from(data) : data)),
};

/** @param {string} name */
async function runTest(name) {
  const folder = path.join(root, name);
  const beside = (/** @type {string} */ location) => readFileSync(path.join(folder, path.basename(location)));
  const model = loadOnnx(readFileSync(path.join(folder, 'model.onnx')), { externalData: beside });
  const sets = readdirSync(folder).filter((entry) => entry.startsWith('test_data_set_'));
  if (sets.length === 0) throw new UnsupportedError('there is no data set');
  for (const set of sets) {
    const given = tensorsIn(path.join(folder, set), 'input');
    const wanted = tensorsIn(path.join(folder, set), 'output');
    /** @type {Record<string, import('fovea').Tensor>} */
    const inputs = {};
    model.inputs.forEach((port, i) => {
      const size = given[i]?.shape;
      if (
        port.shape?.length !== size?.length ||
        port.shape?.some((side, k) => typeof side === 'number' && side !== size?.[k])
      ) {
        throw new UnsupportedError(
          `the test gives ${port.name} as [${size}]; its model says [${port.shape}]`,
        );
      }
      inputs[port.name] = toTensor(asType(/** @type {HostTensor} */ (given[i]), port.type), port.name);
    });
    const outputs = await model.run(computer, inputs);
    const tensors = model.outputs.map((port) => /** @type {import('fovea').Tensor} */ (outputs[port.name]));
    const found = await computer.read(...tensors);
    for (const [i, stored] of wanted.entries()) {
      const expected = asType(stored, model.outputs[i]?.type);
      const shape = String(tensors[i]?.shape);
      if (shape !== String(expected.shape)) return `shape [${shape}], not [${expected.shape}]`;
      const wrong = difference(/** @type {ArrayLike<number>} */ (found[i]), expected);
      if (wrong) return `${model.outputs[i]?.name}: ${wrong}`;
    }
  }
  return undefined;
}

const counts = { passed: 0, refused: 0, wrong: 0 };
/** Tests by why they were refused. @type {Map<string, string[]>} */
const refusals = new Map();
for (const name of folders) {
  try {
    const wrong = await runTest(name);
    if (wrong) {
      counts.wrong++;
      console.log(`wrong ${name}: ${wrong}`);
    } else {
      counts.passed++;
      if (options.verbose) console.log(`passed ${name}`);
    }
  } catch (error) {
    if (error instanceof UnsupportedError) {
      counts.refused++;
      const why = error.message;
      refusals.set(why, [...(refusals.get(why) ?? []), name]);
      if (options.verbose) console.log(`refused ${name}: ${why}`);
    } else {
      counts.wrong++;
      const { message, stack } = /** @type {Error} */ (error);
      console.log(
        `wrong ${name}: ${error instanceof ShapeError ? message : options.verbose ? stack : message}`,
      );
    }
  }
}
gpu?.dispose();
console.log(`${counts.passed} passed, ${counts.refused} refused, ${counts.wrong} wrong`);
process.exitCode = counts.wrong > 0 ? 1 : 0;
