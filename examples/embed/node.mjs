// One kernel in your own WebGPU program: RoIAlign, encoded into your pass, on your device and buffers.
// Run: node examples/embed/node.mjs
import { openGpu } from 'fovea';
import { roiAlign } from 'fovea/kernels';

// Any GPUDevice will do; in Node this is the shortest way to one.
const gpu = await openGpu();
const device = gpu.device.device;

const op = roiAlign.plan(
  device,
  { x: [1, 50, 68, 16], rois: [3, 5] },
  { outputSize: [7, 7], spatialScale: 0.25, samplingRatio: 2, aligned: true },
);
console.log('y will be', op.outputs.y.shape);

const usage = 0x80 | 0x04 | 0x08; // STORAGE, COPY_SRC, COPY_DST
/** @param {number} elements */
const buffer = (elements) => device.createBuffer({ size: elements * 4, usage });
const [x, rois, y] = [buffer(50 * 68 * 16), buffer(3 * 5), buffer(3 * 7 * 7 * 16)];
device.queue.writeBuffer(x, 0, new Float32Array(50 * 68 * 16).fill(2));
device.queue.writeBuffer(rois, 0, new Float32Array([0, 8, 8, 80, 60, 0, 0, 0, 40, 40, 0, 100, 20, 200, 120]));

const encoder = device.createCommandEncoder();
const pass = encoder.beginComputePass(); // your pass: encode other work before and after
op.encode(pass, { x, rois, y });
pass.end();
const readback = device.createBuffer({ size: y.size, usage: 0x01 | 0x08 }); // MAP_READ, COPY_DST
encoder.copyBufferToBuffer(y, 0, readback, 0, y.size);
device.queue.submit([encoder.finish()]);
await readback.mapAsync(1);
console.log('y[0] is', new Float32Array(readback.getMappedRange())[0]);
gpu.dispose();
