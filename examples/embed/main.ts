// Two of Fovea's kernels in somebody's own WebGPU program: a gaussian pyramid of an animated image, and non-maximum
// suppression, which picks among boxes that move over it. The device, the buffers, the passes and the render loop
// are this file's; a frame is one command buffer, and nothing comes back to the CPU.
import { nms } from 'fovea/kernels/nms';
import { pyrDown } from 'fovea/kernels/pyr_down';
import { BOXES, DISCS, LEVELS, SIZE, sceneAt } from './scene.ts';
import shaders from './shaders.wgsl';

// ---- Plain WebGPU: a device with default limits, a canvas, pipelines.

const adapter = await navigator.gpu?.requestAdapter();
if (!adapter) throw new Error('This page needs WebGPU.');
const device = await adapter.requestDevice();
const canvas = document.querySelector('canvas')!;
const context = canvas.getContext('webgpu')!;
const format = navigator.gpu.getPreferredCanvasFormat();
context.configure({ device, format });

const module = device.createShaderModule({ code: shaders });
const paint = device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'paint' } });
const drawing = (vertex: string, fragment: string, topology: GPUPrimitiveTopology) =>
  device.createRenderPipeline({
    layout: 'auto',
    vertex: { module, entryPoint: vertex },
    fragment: { module, entryPoint: fragment, targets: [{ format }] },
    primitive: { topology },
  });
const show = drawing('show_vertex', 'show', 'triangle-list');
const outline = drawing('outline_vertex', 'outline', 'line-strip');

// ---- Buffers. All that changes in a frame lies in one: the kernels take their parts of it by offset.

const STORAGE = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
const storage = (bytes: number) => device.createBuffer({ size: bytes, usage: STORAGE });
const align = (bytes: number) => Math.ceil(bytes / 256) * 256;
const BOXES_AT = align(DISCS * 16);
const SCORES_AT = BOXES_AT + align(BOXES * 16);
const scene = storage(SCORES_AT + BOXES * 4);
const image = storage(SIZE * SIZE * 16);
// [1, size, size, 4] each.
const levels = LEVELS.map((size) => storage(size * size * 16));
const indices = storage(BOXES * 4);
const count = storage(4);

// ---- The kernels: planned once, for these shapes, on this device.

// Each level is made of the one before, the first of the image.
const reductions = levels.map((y, i) => {
  const size = LEVELS[i - 1] ?? SIZE;
  return { op: pyrDown.plan(device, { x: [1, size, size, 4] }), buffers: { x: levels[i - 1] ?? image, y } };
});
const suppress = nms.plan(device, { boxes: [1, BOXES, 4], scores: [1, BOXES] }, { iouThreshold: 0.3 });

// ---- The render loop.

const bind = (pipeline: GPUComputePipeline | GPURenderPipeline, ...resources: GPUBufferBinding[]) =>
  device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: resources.map((resource, binding) => ({ binding, resource })),
  });
const boxes = { buffer: scene, offset: BOXES_AT, size: BOXES * 16 };
const paintGroup = bind(paint, { buffer: scene, size: DISCS * 16 }, { buffer: image });
const showGroup = bind(show, { buffer: image }, ...levels.map((buffer) => ({ buffer })));
const outlineGroup = bind(outline, boxes, { buffer: indices }, { buffer: count });

// index.html?time=2 holds the animation at second 2.
const held = new URLSearchParams(location.search).get('time');
let frames = 0;
let lost = false;
device.lost.then(() => {
  lost = true;
});

function frame(now: number): void {
  if (lost) return; // A kernel is of its device: open a new one and plan again.
  const { discs, boxes: proposals, scores } = sceneAt(held === null ? now / 1000 : Number(held));
  device.queue.writeBuffer(scene, 0, discs as Float32Array<ArrayBuffer>);
  device.queue.writeBuffer(scene, BOXES_AT, proposals as Float32Array<ArrayBuffer>);
  device.queue.writeBuffer(scene, SCORES_AT, scores as Float32Array<ArrayBuffer>);

  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(paint);
  pass.setBindGroup(0, paintGroup);
  pass.dispatchWorkgroups(SIZE / 8, SIZE / 8);
  // Fovea's dispatches, in this pass, on these buffers.
  for (const { op, buffers } of reductions) op.encode(pass, buffers);
  suppress.encode(pass, { boxes, scores: { buffer: scene, offset: SCORES_AT }, indices, count });
  pass.end();

  const view = context.getCurrentTexture().createView();
  const render = encoder.beginRenderPass({ colorAttachments: [{ view, loadOp: 'clear', storeOp: 'store' }] });
  render.setPipeline(show);
  render.setBindGroup(0, showGroup);
  render.draw(3);
  render.setPipeline(outline);
  render.setBindGroup(0, outlineGroup);
  render.draw(5, 2 * BOXES);
  render.end();
  device.queue.submit([encoder.finish()]);

  document.documentElement.dataset.frames = String(++frames);
  requestAnimationFrame(frame);
}
requestAnimationFrame(frame);
