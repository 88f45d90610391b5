/** Images on a GPU from what is there: video frames, canvases, textures. */
import { expectArguments, GPU } from '../arguments.ts';
import type { Device } from '../device/device.ts';
import { perDevice } from '../device/perDevice.ts';
import { BufferUsage, COMPUTE_STAGE, TextureUsage } from '../device/usage.ts';
import { DeviceLimitError, OutOfMemoryError, UsageError } from '../errors.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { ImageSize } from '../vision/boxes.ts';
import { assemble } from '../wgsl/assemble.ts';
import textureShader from '../wgsl/image/texture_image.wgsl';
import { GpuImage } from './gpuImage.ts';

/** What `fromVideoFrame` takes. */
export type VideoFrameSource =
  | VideoFrame
  | HTMLVideoElement
  | ImageBitmap
  | HTMLCanvasElement
  | OffscreenCanvas;

/** The formats of textures that `fromTexture` takes: what their channels count up to (0: floats), and whether sRGB is decoded on reading. */
const FORMATS = {
  rgba8unorm: [255, false],
  'rgba8unorm-srgb': [255, true],
  bgra8unorm: [255, false],
  'bgra8unorm-srgb': [255, true],
  rgb10a2unorm: [1023, false],
  rgba16float: [0, false],
  rgba32float: [0, false],
} as const satisfies Readonly<Record<string, readonly [steps: number, linear: boolean]>>;

type Format = keyof typeof FORMATS;

/** The pipelines of a device, by format. */
const pipelinesOf = /* @__PURE__ */ perDevice(
  () => new Map<Format, { readonly pipeline: GPUComputePipeline; readonly layout: GPUBindGroupLayout }>(),
);

function pipelineOf(device: GPUDevice, format: Format) {
  const pipelines = pipelinesOf(device);
  const known = pipelines.get(format);
  if (known) return known;
  const [STEPS, LINEAR] = FORMATS[format];
  const { name, code } = assemble({ constants: { STEPS, LINEAR } }, [textureShader]);
  const layout = device.createBindGroupLayout({
    entries: [
      { binding: 0, visibility: COMPUTE_STAGE, texture: { sampleType: 'unfilterable-float' } },
      { binding: 1, visibility: COMPUTE_STAGE, buffer: { type: 'storage' } },
    ],
  });
  const pipeline = device.createComputePipeline({
    label: name,
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ label: name, code }), entryPoint: 'main' },
  });
  const made = { pipeline, layout };
  pipelines.set(format, made);
  return made;
}

const shown = ({ width, height }: ImageSize): string => `${width}x${height}`;

/** Throws DeviceLimitError for an image whose values the device cannot hold in one buffer. */
function expectHeld(call: string, size: ImageSize, { caps }: Device): void {
  const bytes = size.width * size.height * 12;
  const most = caps.maxBindingSize;
  if (bytes > most) {
    throw new DeviceLimitError(
      `${call}: the image of ${shown(size)} takes ${bytes} bytes, the device binds at most ${most}; shrink it first, for example by createImageBitmap(source, { resizeWidth })`,
    );
  }
}

/** Writes what a texture shows into a new image. The commands are submitted at once. */
function imageOf(device: Device, texture: GPUTexture, size: ImageSize): GpuImage {
  const usage = BufferUsage.STORAGE | BufferUsage.COPY_SRC;
  const buffer = device.createBuffer('image', size.width * size.height * 12, usage);
  const { pipeline, layout } = pipelineOf(device.device, texture.format as Format);
  const view = texture.createView({ dimension: '2d', mipLevelCount: 1 });
  const group = device.device.createBindGroup({
    layout,
    entries: [
      { binding: 0, resource: view },
      { binding: 1, resource: { buffer } },
    ],
  });
  const encoder = device.device.createCommandEncoder({ label: 'image' });
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(Math.ceil(size.width / 8), Math.ceil(size.height / 8));
  pass.end();
  device.submit(encoder);
  return new GpuImage(device, buffer, size);
}

/** Makes an image by commands that are submitted at once, and waits for what WebGPU says of them. `refused`: the error for what is invalid. */
async function attempt(
  call: string,
  device: Device,
  commands: () => GpuImage,
  refused: (why: string) => string,
): Promise<GpuImage> {
  const { result: image, report } = device.attempt(commands);
  const error = await report;
  try {
    device.check(call);
    if (!error) return image;
    const why = error.message.trim().split('\n')[0]!;
    if (!/memory/i.test(error.constructor.name))
      throw new UsageError(`${call}: ${refused(why)}`, { cause: error });
    throw new OutOfMemoryError(
      `${call}: the device refused memory for an image of ${shown(image)}: ${why}; dispose of images that are not needed, or give a smaller one`,
      { cause: error },
    );
  } catch (fault) {
    image.dispose();
    throw fault;
  }
}

/**
 * Copies a texture's red, green and blue into an image on the same GPU: values in 0..1 [height, width, 3] as they are stored, so that a
 * texture of an `-srgb` format gives its bytes / 255 too; alpha is dropped, and not divided out where colours are premultiplied by it.
 *
 * What the texture holds when this is called is copied (after all that was submitted before), so that it may be changed or destroyed
 * as soon as the call has returned its promise.
 *
 * @param gpu Where the image is made: of the device that the texture is of, such as `borrowGpu(device)`.
 * @param texture A 2D texture of one layer and one sample, with usage TEXTURE_BINDING, in rgba8unorm, bgra8unorm (also with -srgb),
 * rgb10a2unorm, rgba16float or rgba32float, of which mip level 0 is taken. 1x1 up to what the device can hold.
 * @throws UsageError for another format, usage or dimension, a texture that is destroyed or of another device; DeviceLimitError for an
 * image larger than a buffer of the device; OutOfMemoryError; DeviceLostError. Nothing has run then.
 */
export async function fromTexture(gpu: Gpu, texture: GPUTexture): Promise<GpuImage> {
  const call = 'fromTexture';
  expectArguments(
    call,
    { gpu, texture },
    {
      gpu: GPU,
      texture: { width: 'number', height: 'number', format: 'text', usage: 'number', createView: 'function' },
    },
  );
  const { device } = gpu;
  device.check(call);
  const { width, height, format, usage, dimension, depthOrArrayLayers: layers, sampleCount } = texture;
  const what = `the texture of ${shown(texture)}`;
  if (!Object.hasOwn(FORMATS, format)) {
    throw new UsageError(`${call}: ${what} is ${format}; give one in ${Object.keys(FORMATS).join(', ')}`);
  }
  if (!(usage & TextureUsage.TEXTURE_BINDING)) {
    throw new UsageError(
      `${call}: ${what} has usage ${usage}, without TEXTURE_BINDING (${TextureUsage.TEXTURE_BINDING}); create it with usage | GPUTextureUsage.TEXTURE_BINDING`,
    );
  }
  if (dimension !== '2d' || layers !== 1 || sampleCount !== 1) {
    throw new UsageError(
      `${call}: ${what} is ${dimension}, with ${layers} layers and ${sampleCount} samples; give a 2d one with 1 layer and 1 sample`,
    );
  }
  expectHeld(call, texture, device);
  return attempt(
    call,
    device,
    () => imageOf(device, texture, { width, height }),
    (why) =>
      `${what} cannot be read: ${why}; create it on gpu.device.device, and destroy it after this call only`,
  );
}

/** Frames and images by the name of their class, which is the same in every frame of a page: their size, and what is wrong with them. */
const SOURCES: Readonly<
  Record<string, (source: never) => ImageSize & { readonly problem?: string | false }>
> = {
  VideoFrame: ({ displayWidth: width, displayHeight: height }: VideoFrame) => ({
    ...{ width, height },
    problem: width === 0 && 'is closed; call fromVideoFrame before close()',
  }),
  HTMLVideoElement: ({ videoWidth: width, videoHeight: height, readyState }: HTMLVideoElement) => ({
    ...{ width, height },
    problem:
      readyState < 2 &&
      `has no frame yet (readyState ${readyState}); wait for its loadeddata event (readyState 2)`,
  }),
  ImageBitmap: ({ width, height }: ImageBitmap) => ({
    ...{ width, height },
    problem: width === 0 && 'is closed; call fromVideoFrame before close()',
  }),
  HTMLCanvasElement: ({ width, height }: HTMLCanvasElement) => ({ width, height }),
  OffscreenCanvas: ({ width, height }: OffscreenCanvas) => ({ width, height }),
};

/**
 * Whether a video is displayed in other proportions than it has: of those Chromium copies something else. A video element does not tell;
 * a frame of it does, where the browser has frames.
 */
function isStretched(source: VideoFrame | HTMLVideoElement, { width, height }: ImageSize): boolean {
  const own = 'videoWidth' in source;
  if (own && typeof VideoFrame === 'undefined') return false;
  const frame = own ? new VideoFrame(source) : source;
  const { width: w, height: h } = frame.visibleRect!;
  if (own) frame.close();
  // Or it is turned.
  return !((w === width && h === height) || (w === height && h === width));
}

/** A canvas with what a source shows. */
function canvasOf(source: VideoFrameSource, { width, height }: ImageSize): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')!.drawImage(source, 0, 0, width, height);
  return canvas;
}

/**
 * Copies a frame of a video or a camera, or another image of the browser, to the GPU: values in 0..1 [height, width, 3] in sRGB, alpha
 * divided out and dropped: those that `imageFromBytes` gives of a canvas' `getImageData`. The pixels do not come through JavaScript: what
 * the browser has on the GPU stays there.
 *
 * What the source shows when this is called is copied, so that a frame may be closed as soon as the call has returned its promise. A
 * `VideoFrame` is taken as it is displayed: of its visible part, in display size, turned as its `rotation` and `flip` say where
 * the browser knows them; a video element as it plays.
 *
 * It copies by `copyExternalImageToTexture`, which takes all sources and rounds to bytes as a canvas does, and not by
 * `importExternalTexture`, which takes videos alone, ends with the task, and gives values between bytes. Videos of other proportions than
 * they are displayed in are drawn on a canvas first, which Chromium would copy wrongly; and all videos on a software adapter: there
 * everything is in the CPU's memory, and Chromium's GPU process does not always live through the other way.
 *
 * @param gpu Where the image is made.
 * @param source A VideoFrame, video element, ImageBitmap, canvas or OffscreenCanvas, from 1x1 up to the device's maxTextureDimension2D.
 * @throws UsageError for a source of another kind, one that is closed, empty, without a frame yet, or of another site without CORS;
 * DeviceLimitError for one that is larger than the device's textures or buffers; OutOfMemoryError; DeviceLostError. Nothing has run then.
 */
export const fromVideoFrame = (gpu: Gpu, source: VideoFrameSource): Promise<GpuImage> =>
  imageOfFrame(gpu, source, gpu?.device?.adapter.software);

/** The same. `draws`: whether videos are drawn on a canvas first. */
export async function imageOfFrame(gpu: Gpu, source: VideoFrameSource, draws: boolean): Promise<GpuImage> {
  const call = 'fromVideoFrame';
  expectArguments(call, { gpu }, { gpu: GPU });
  const { device } = gpu;
  device.check(call);
  const kind = Object.prototype.toString.call(source).slice(8, -1);
  const describe = Object.hasOwn(SOURCES, kind) ? SOURCES[kind]! : undefined;
  if (!describe) {
    throw new UsageError(`${call}: source is a ${kind}; give a ${Object.keys(SOURCES).join(', ')}`);
  }
  const { width, height, problem } = describe(source as never);
  const what = `the ${kind} of ${width}x${height}`;
  if (problem) throw new UsageError(`${call}: ${what} ${problem}`);
  if (!(width >= 1 && height >= 1))
    throw new UsageError(`${call}: ${what} has no pixel; give one of at least 1x1`);
  const most = device.device.limits.maxTextureDimension2D;
  if (Math.max(width, height) > most) {
    throw new DeviceLimitError(
      `${call}: ${what} is larger than the device's textures (${most}); shrink it first, for example by createImageBitmap(source, { resizeWidth })`,
    );
  }
  const size = { width, height };
  expectHeld(call, size, device);
  const { COPY_DST, RENDER_ATTACHMENT, TEXTURE_BINDING } = TextureUsage;
  const copied = (): GpuImage => {
    const texture = device.device.createTexture({
      label: 'frame',
      size: [width, height],
      format: 'rgba8unorm',
      usage: COPY_DST | RENDER_ATTACHMENT | TEXTURE_BINDING,
    });
    try {
      const isVideo = /Video/.test(kind);
      const drawn = isVideo && (draws || isStretched(source as VideoFrame | HTMLVideoElement, size));
      device.device.queue.copyExternalImageToTexture(
        { source: drawn ? canvasOf(source, size) : source },
        { texture },
        [width, height],
      );
      return imageOf(device, texture, size);
    } catch (error) {
      throw new UsageError(
        `${call}: the browser does not let ${what} be read: ${(error as Error).message}; where it is of another site, load it with crossOrigin = 'anonymous'`,
        { cause: error },
      );
    } finally {
      // Its memory goes when what was submitted has run.
      texture.destroy();
    }
  };
  return attempt(
    call,
    device,
    copied,
    (why) => `${what} cannot be copied: ${why}; give one that is not closed`,
  );
}
