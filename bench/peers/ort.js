// onnxruntime-web with its WebGPU provider as the bench's page takes it, and what writes ONNX models, bundled by bench/run.mjs.
// Its WebAssembly lies beside it. The project itself has the package, for its tests.
export { onnx } from 'onnx-proto';
export * as ort from 'onnxruntime-web/webgpu';
