// tfjs as the bench takes it, bundled by bench/run.mjs: its core with all gradients, and the WebGPU backend. (The packages'
// own bundles for Node leave the gradients out.)
import '@tensorflow/tfjs-core/dist/register_all_gradients';

export { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
export * as tf from '@tensorflow/tfjs-core';
