// What blocks of code on the pages use without making it: an application's device and pass, an image, weights, a model
// that is trained. Each name here is a global of the programs on the pages; those that are run get the values.
import { backward, openGpu, type Tensor } from 'fovea';
import type { DataFiles, FloatImage } from 'fovea/data';
import { encodeSafetensors, type StateDict } from 'fovea/io';
import { UNet } from 'fovea/models';
import { AdamW } from 'fovea/nn';

const gpu = await openGpu();

/** An application's device. */
export const device: GPUDevice = gpu.device.device;
/** An application's pass, open. */
export const pass: GPUComputePassEncoder = device.createCommandEncoder().beginComputePass();

const storage = (bytes: number): GPUBuffer => {
  const [STORAGE, COPY_SRC, COPY_DST] = [0x80, 0x04, 0x08];
  return device.createBuffer({ size: bytes, usage: STORAGE | COPY_SRC | COPY_DST });
};
/** Buffers for conv2d, [1,64,64,32] to [1,64,64,64]. */
export const x: GPUBuffer = storage(4 * 64 * 64 * 32);
export const weight: GPUBuffer = storage(4 * 9 * 32 * 64);
export const buffer: GPUBuffer = storage(1024 + 4 * 64 * 64 * 64);

/** The values of an image, red, green and blue in 0..1. */
export const pixels: Float32Array = new Float32Array(480 * 640 * 3).fill(0.5);
export const image: FloatImage = { width: 640, height: 480, channels: 3, data: pixels };

/** A model, its optimizer and the function of a step. */
export const model: UNet = new UNet({ numClasses: 2, width: 4, depth: 1 });
export const optimizer: AdamW = new AdamW(model.parameters(), { lr: 0.001 });
export const train = (images: Tensor, masks: Tensor): { loss: Tensor } => {
  const { segmentation } = model.losses(images, masks);
  backward(segmentation);
  optimizer.step();
  return { loss: segmentation };
};

/** What was saved of that. */
export const saved = {
  weights: await model.stateDict((state) => gpu.download(state)),
  optimizerState: await optimizer.stateDict((state) => gpu.download(state)),
};

/** Weights from a file, by name. */
export const weights: StateDict = new Map();
/** The content of a file of weights. */
export const weightsBytes: Uint8Array = encodeSafetensors(weights);
/** The text of Darknet's yolov3.cfg. */
export const cfgText: string = '';

/** A file system. */
export const files: DataFiles = undefined as unknown as DataFiles;
