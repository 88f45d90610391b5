// A gaussian pyramid and non-maximum suppression in a loop of frames: each frame is one command buffer of yours, and the CPU
// never waits for the one that it has just submitted. What it wants to know, it reads two frames later.
// Run: node examples/embed/frames.mjs
import { openGpu } from 'fovea';
import { nms } from 'fovea/kernels/nms';
import { pyrDown } from 'fovea/kernels/pyr_down';

const FRAMES = 8;
const IN_FLIGHT = 3;
const [SIZE, BOXES] = [64, 6];
const [STORAGE, COPY_SRC, COPY_DST, MAP_READ] = [0x80, 0x04, 0x08, 0x01];

const gpu = await openGpu(); // any GPUDevice will do
const device = gpu.device.device;
/** @param {number} size @param {number} usage */
const buffer = (size, usage) => device.createBuffer({ size, usage });

// Planned once: three levels, each half as large as the one before, and the choice among the boxes.
const levels = [SIZE, SIZE / 2, SIZE / 4].map((size) => pyrDown.plan(device, { x: [1, size, size, 4] }));
const suppress = nms.plan(device, { boxes: [1, BOXES, 4], scores: [1, BOXES] }, { iouThreshold: 0.5 });

const image = buffer(SIZE * SIZE * 16, STORAGE | COPY_DST);
const reduced = levels.map(({ outputs }) => {
  const [, height = 0, width = 0] = outputs.y.shape;
  return buffer(height * width * 16, STORAGE | COPY_SRC);
});
const boxes = buffer(BOXES * 16, STORAGE | COPY_DST);
const scores = buffer(BOXES * 4, STORAGE | COPY_DST);
const indices = buffer(BOXES * 4, STORAGE | COPY_SRC);
const count = buffer(4, STORAGE | COPY_SRC);

// Results come back through a ring of small buffers: while the GPU fills one, the CPU reads another.
const ring = Array.from({ length: IN_FLIGHT }, () => ({
  buffer: buffer(8, COPY_DST | MAP_READ),
  read: Promise.resolve(),
}));

/** @param {number} frame */
async function submit(frame) {
  const slot = ring[frame % IN_FLIGHT];
  await slot.read; // of three frames ago: ready long since

  // Two boxes on each of three objects; the second drifts off by two pixels a frame until it is an object of its own.
  const list = [0, 1, 2].flatMap((i) => [
    i * 20,
    0,
    i * 20 + 16,
    16,
    i * 20,
    2 * frame,
    i * 20 + 16,
    2 * frame + 16,
  ]);
  device.queue.writeBuffer(image, 0, new Float32Array(SIZE * SIZE * 4).fill(frame / FRAMES));
  device.queue.writeBuffer(boxes, 0, new Float32Array(list));
  device.queue.writeBuffer(scores, 0, Float32Array.of(0.9, 0.5, 0.8, 0.5, 0.7, 0.5));

  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  for (const [i, level] of levels.entries())
    level.encode(pass, { x: reduced[i - 1] ?? image, y: reduced[i] });
  suppress.encode(pass, { boxes, scores, indices, count });
  pass.end(); // a page's render pass would follow, and draw from these buffers
  encoder.copyBufferToBuffer(count, 0, slot.buffer, 0, 4);
  encoder.copyBufferToBuffer(reduced[2], 0, slot.buffer, 4, 4);
  device.queue.submit([encoder.finish()]);

  slot.read = slot.buffer.mapAsync(1).then(() => {
    const bytes = slot.buffer.getMappedRange();
    const [kept, value] = [new Int32Array(bytes)[0], new Float32Array(bytes)[1]];
    slot.buffer.unmap();
    console.log(`frame ${frame}: ${kept} of ${BOXES} boxes, coarsest pixel ${value.toFixed(3)}`);
  });
}

for (let frame = 0; frame < FRAMES; frame++) await submit(frame);
await Promise.all(ring.map(({ read }) => read));
gpu.dispose();
