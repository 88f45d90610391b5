// onnxruntime in WebAssembly: its other package for Node downloads programs when it is installed.
import { env, InferenceSession, Tensor } from 'onnxruntime-web';

// Workers would keep the process of the tests alive.
env.wasm.numThreads = 1;
env.logLevel = 'error';

/**
 * What onnxruntime computes from inputs in ONNX's shapes: floats and int32.
 *
 * @param {Uint8Array} bytes
 * @param {Readonly<Record<string, { readonly shape: readonly number[], readonly data: Float32Array | Int32Array }>>} inputs
 * @returns {Promise<Record<string, { shape: readonly number[], data: Float32Array | Int32Array }>>}
 */
export async function runOnnx(bytes, inputs) {
  const session = await InferenceSession.create(bytes, { executionProviders: ['wasm'] });
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, data }]) => [
      name,
      data instanceof Int32Array
        ? new Tensor('int32', data, [...shape])
        : new Tensor('float32', data, [...shape]),
    ]),
  );
  const results = await session.run(feeds);
  const read = Object.entries(results).map(([name, value]) => [
    name,
    { shape: value.dims, data: /** @type {Float32Array | Int32Array} */ (value.data) },
  ]);
  await session.release();
  return Object.fromEntries(read);
}
