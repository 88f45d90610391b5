// Detection in a page: weights from a file, an image on a canvas, boxes drawn over it. All of it runs on the visitor's GPU;
// nothing is uploaded anywhere.
import { type Detector, type Gpu, loadDetector, openGpu } from 'fovea';
import { imageFromBytes } from 'fovea/data';

const find = <K extends Element>(selector: string): K => document.querySelector<K>(selector)!;
const canvas = find<HTMLCanvasElement>('canvas');
const context = canvas.getContext('2d', { willReadFrequently: true })!;
const status = find('#status');
const list = find('ol');

let gpu: Gpu | undefined;
let detector: Detector | undefined;
let bitmap: ImageBitmap;

async function load(bytes: ArrayBuffer): Promise<void> {
  gpu ??= await openGpu();
  detector?.dispose();
  detector = loadDetector(gpu, new Uint8Array(bytes));
}

async function detect(): Promise<void> {
  const { width, height } = bitmap;
  [canvas.width, canvas.height] = [width, height];
  context.drawImage(bitmap, 0, 0);
  list.replaceChildren();
  if (!detector) {
    status.textContent = 'Choose weights of a detector.';
    return;
  }
  status.textContent = 'Detecting…';
  const image = imageFromBytes(context.getImageData(0, 0, width, height).data, { width, height });
  const found = await detector.detect(image, { scoreThreshold: 0.5 });
  context.lineWidth = Math.max(2, width / 250);
  context.strokeStyle = '#ffd91a';
  for (const { box, label, score } of found) {
    const [x1, y1, x2, y2] = box;
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    const line = document.createElement('li');
    line.textContent = `${label} ${score.toFixed(3)} at ${box.map((side) => side.toFixed(1)).join(', ')}`;
    list.append(line);
  }
  status.textContent = `${found.length} found on ${gpu?.device.adapter.name}.`;
}

/** One thing after the other: what is chosen in the meantime waits. */
let queue: Promise<void> = Promise.resolve();
function enqueue(work: () => Promise<void>): void {
  queue = queue.then(work).catch((error: unknown) => {
    status.textContent = error instanceof Error ? error.message : String(error);
  });
}

const chosen = (input: string, use: (file: File) => Promise<void>) =>
  find<HTMLInputElement>(input).addEventListener('change', ({ target }) => {
    const file = (target as HTMLInputElement).files?.[0];
    if (file) enqueue(() => use(file).then(detect));
  });
chosen('#weights', async (file) => load(await file.arrayBuffer()));
chosen('#image', async (file) => {
  bitmap = await createImageBitmap(file);
});

enqueue(async () => {
  const [image, weights] = await Promise.all([fetch('coins.png'), fetch('model.safetensors')]);
  bitmap = await createImageBitmap(await image.blob());
  if (weights.ok) await load(await weights.arrayBuffer());
  await detect();
});
