import { type FloatImage, imageFromBytes } from '../../src/data/image.ts';
import { openGpu } from '../../src/plan/gpu.ts';
import { ARCHITECTURES } from '../../src/tasks/architectures.ts';
import { fromVideoFrame, imageOfFrame, type VideoFrameSource } from '../../src/tasks/fromTexture.ts';
import { Detector } from '../../src/tasks/infer.ts';
import { buildModel, type TrainedModel } from '../../src/tasks/modelFile.ts';

/** What a frame shows, and how far the two ways are apart in steps of a byte. */
export interface Shown {
  readonly width: number;
  readonly height: number;
  readonly distance: number;
}

declare global {
  interface Window {
    /** An image of each kind of source, beside the pixels that a canvas gives of it. `draws`: see `imageOfFrame`. */
    framesOf(width: number, height: number, draws: boolean): Promise<Record<string, Shown>>;
    /** The same of frames that are turned, cut and stretched. */
    turnedFrames(draws: boolean): Promise<Record<string, Shown>>;
    /** How many objects a detector finds in a frame, and the largest difference of a side from those on the host. */
    detectInFrame(): Promise<{ count: number; distance: number }>;
    /** The names and messages of errors, by what was given. */
    refusedFrames(): Promise<Record<string, string>>;
  }
}

const gpuOfPage = openGpu();

function canvasOf(width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  return canvas;
}

/** A canvas with gradients and edges. */
function drawn(width: number, height: number, alpha = 1): HTMLCanvasElement {
  const canvas = canvasOf(width, height);
  const context = canvas.getContext('2d')!;
  const gradient = context.createLinearGradient(0, 0, width, height);
  gradient.addColorStop(0, 'rgb(10, 200, 30)');
  gradient.addColorStop(1, 'rgb(250, 20, 120)');
  context.globalAlpha = alpha;
  context.fillStyle = gradient;
  context.fillRect(0, 0, width, height);
  context.fillStyle = 'rgb(0, 60, 255)';
  context.fillRect(width / 8, height / 4, width / 3, height / 2);
  return canvas;
}

function pixelsOf(source: CanvasImageSource, width: number, height: number): FloatImage {
  const context = new OffscreenCanvas(width, height).getContext('2d')!;
  context.drawImage(source, 0, 0, width, height);
  return imageFromBytes(context.getImageData(0, 0, width, height).data, { width, height });
}

/** A frame of bytes, as cameras give it. */
function frameOf(canvas: HTMLCanvasElement, more: object = {}): VideoFrame {
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d')!.getImageData(0, 0, width, height);
  const size = { codedWidth: width, codedHeight: height, timestamp: 0 };
  return new VideoFrame(data, { format: 'RGBA', ...size, ...more });
}

/** A video element that shows a canvas. */
async function videoOf(canvas: HTMLCanvasElement): Promise<HTMLVideoElement> {
  const video = document.createElement('video');
  video.muted = true;
  video.srcObject = canvas.captureStream();
  const repainting = setInterval(() => canvas.getContext('2d')!.fillRect(0, 0, 1, 1), 20);
  await video.play();
  clearInterval(repainting);
  return video;
}

const furthest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let most = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
};

/** Compares an image of a source, which is closed as soon as the call returns, with what a canvas gives of it. */
async function shown(
  source: VideoFrameSource & CanvasImageSource,
  [width, height]: readonly [number, number],
  draws: boolean,
): Promise<Shown> {
  const gpu = await gpuOfPage;
  const host = pixelsOf(source, width, height);
  const made = imageOfFrame(gpu, source, draws);
  if ('close' in source) source.close();
  using image = await made;
  const { data } = await image.toFloatImage();
  return { width: image.width, height: image.height, distance: 255 * furthest(data, host.data) };
}

window.framesOf = async (width, height, draws) => {
  const canvas = drawn(width, height);
  const off = new OffscreenCanvas(width, height);
  off.getContext('2d')!.drawImage(canvas, 0, 0);
  const sources = {
    canvas,
    OffscreenCanvas: off,
    ImageBitmap: await createImageBitmap(canvas),
    'VideoFrame of a canvas': new VideoFrame(canvas, { timestamp: 0 }),
    'VideoFrame of bytes': frameOf(canvas),
    'transparent canvas': drawn(width, height, 0.6),
    video: await videoOf(drawn(width, height)),
  };
  const found: Record<string, Shown> = {};
  for (const [name, source] of Object.entries(sources)) {
    found[name] = await shown(source, [width, height], draws);
  }
  return found;
};

window.turnedFrames = async (draws) => {
  const found: Record<string, Shown> = {};
  for (const [name, more] of Object.entries({
    'turned by 90': { rotation: 90 },
    'turned by 180 and flipped': { rotation: 180, flip: true },
    'a part of it': { visibleRect: { x: 16, y: 8, width: 24, height: 16 } },
    'in display size': { displayWidth: 96, displayHeight: 40 },
  })) {
    const frame = frameOf(drawn(48, 32), more);
    const { displayWidth, displayHeight } = frame;
    found[name] = await shown(frame, [displayWidth, displayHeight], draws);
  }
  return found;
};

window.detectInFrame = async () => {
  const gpu = await gpuOfPage;
  const config = ARCHITECTURES.retinanet.defaultConfig({ numClasses: 1, width: 4, cropSize: 64 });
  const model = buildModel('retinanet', config, 1).eval();
  const trained = { name: 'retinanet', model, classNames: ['x'], preprocessing: { maxSide: 64 } };
  const detector = new Detector(gpu, trained as TrainedModel);
  const options = { scoreThreshold: 0, maxDetections: 10 };
  const canvas = drawn(90, 60);
  const frame = new VideoFrame(canvas, { timestamp: 0 });
  const made = fromVideoFrame(gpu, frame);
  frame.close();
  using image = await made;
  const found = await detector.detect(image, options);
  const wanted = await detector.detect(pixelsOf(canvas, 90, 60), options);
  detector.dispose();
  const sides = (list: typeof found) => list.flatMap(({ box }) => [...box]);
  return { count: found.length, distance: furthest(sides(found), sides(wanted)) };
};

window.refusedFrames = async () => {
  const gpu = await gpuOfPage;
  const frame = frameOf(drawn(8, 8));
  frame.close();
  const bitmap = await createImageBitmap(drawn(8, 8));
  bitmap.close();
  const most = gpu.device.device.limits.maxTextureDimension2D;
  const lost = await openGpu();
  lost.device.device.destroy();
  await lost.device.device.lost;
  const refused: Record<string, string> = {};
  for (const [name, source, on] of [
    ['closed frame', frame],
    ['closed bitmap', bitmap],
    ['video without a frame', document.createElement('video')],
    ['canvas without pixels', canvasOf(0, 8)],
    ['large canvas', canvasOf(most + 1, 1)],
    ['image element', new Image()],
    ['lost device', drawn(8, 8), lost],
  ] as const) {
    try {
      await fromVideoFrame(on ?? gpu, source as VideoFrameSource);
      refused[name] = 'not refused';
    } catch (error) {
      refused[name] = `${(error as Error).name}: ${(error as Error).message}`
        .replaceAll(String(most), 'MOST')
        .replace(String(most + 1), 'MORE');
    }
  }
  return refused;
};
