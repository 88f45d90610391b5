import { colorAt, PREDICTED } from '../../src/draw/palette.ts';
import { FoveaError } from '../../src/errors.ts';
import { type Detection, type ObjectDetector, openModel } from './detect.ts';
import { type Gpu, getGpu } from './gpu.ts';
import { type ImageFile, readImageFile } from './imageFile.ts';
import { drawMarked, type Marked } from './overlay.ts';
import { byId, describeError, make, say, setState } from './page.ts';

const canvas = byId<HTMLCanvasElement>('canvas');
const threshold = byId<HTMLInputElement>('threshold');
const weightsInput = byId<HTMLInputElement>('weights-file');
const archInput = byId<HTMLInputElement>('arch');
const imageInput = byId<HTMLInputElement>('image-file');

interface Weights {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** torchvision's name of the architecture, if the user has given one. */
  readonly arch?: string;
}

let weights: Weights | undefined;
let loaded: { weights: Weights; gpu: Gpu; detector: ObjectDetector } | undefined;
let image: ImageFile | undefined;
/** Everything above the slider's lowest value; the slider only hides. */
let found: readonly Detection[] | undefined;
/** Reading and detecting happen one after another; what a newer image has overtaken is not shown. */
let queue: Promise<void> = Promise.resolve();
let newest = 0;
let useGpu: (gpu: Gpu) => void = () => {};

const isWeights = (file: File) => /\.(?:safetensors|onnx|pth|pt)$/i.test(file.name);
/** Files that may not tell their architecture. */
const isTorch = (file: File) => /\.(?:pth|pt)$/i.test(file.name);

/** Wires the section and asks the page's own origin for trained weights. */
export function startDetectSection(onGpu: (gpu: Gpu) => void): void {
  useGpu = onGpu;
  for (const input of [weightsInput, imageInput]) {
    input.addEventListener('change', () => {
      const file = input.files?.[0];
      // Choosing the same file again must count as a change.
      if (file) take(input === weightsInput, file);
      input.value = '';
    });
  }
  threshold.addEventListener('input', show);
  // On all of the page: a file dropped beside the field would otherwise replace the page.
  addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('dragging');
  });
  addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) document.body.classList.remove('dragging');
  });
  addEventListener('drop', (event) => {
    event.preventDefault();
    document.body.classList.remove('dragging');
    for (const file of event.dataTransfer?.files ?? []) take(isWeights(file), file);
  });
  // In a frame of its own: drawing sets the canvas' size, which the observer would report as a loop.
  new ResizeObserver(() => requestAnimationFrame(draw)).observe(byId('result'));
  enqueue(fetchWeights);
}

function take(asWeights: boolean, file: File): void {
  const turn = ++newest;
  enqueue(async () => {
    if (asWeights) {
      const arch = archInput.value.trim();
      const bytes = new Uint8Array(await file.arrayBuffer());
      await takeWeights({ name: file.name, bytes, ...(arch && isTorch(file) ? { arch } : {}) });
    } else if (turn === newest) await takeImage(file);
  });
}

function enqueue(work: () => Promise<void>): void {
  queue = queue.then(work).catch((error: unknown) => {
    status('');
    say(byId('detect-error'), describeError(error));
    setState('detect', 'error');
  });
}

const status = (text: string): void => {
  byId('detect-status').textContent = text;
};

async function fetchWeights(): Promise<void> {
  const line = byId('weights');
  const response = await fetch('model.safetensors').catch(() => undefined);
  if (!response?.ok) {
    line.textContent = 'none loaded';
    setState('weights', 'none');
    return;
  }
  await takeWeights({
    name: 'model.safetensors',
    bytes: new Uint8Array(await response.arrayBuffer()),
  });
}

async function takeWeights(given: Weights): Promise<void> {
  const line = byId('weights');
  const describe = ({ name, bytes }: Weights) => `${name} (${(bytes.length / 1e6).toFixed(1)} MB)`;
  line.textContent = `reading ${given.name}…`;
  try {
    await readyDetector(given);
  } catch (error) {
    // What was loaded before stays, and goes on working.
    line.textContent = weights ? describe(weights) : 'none loaded';
    setState('weights', 'error');
    throw error;
  }
  weights = given;
  line.textContent = describe(given);
  setState('weights', 'ready');
  say(byId('detect-error'), '');
  if (image) await detect(image);
}

/** The detector for these weights on the page's GPU; made again when that GPU is a new one. */
async function readyDetector(given: Weights): Promise<{ gpu: Gpu; detector: ObjectDetector }> {
  const gpu = await getGpu();
  useGpu(gpu);
  if (loaded?.weights !== given || loaded.gpu !== gpu) {
    const { name, bytes, arch } = given;
    const model = await openModel(bytes, { name, ...(arch ? { arch } : {}) });
    const detector = model.detector(gpu, { name });
    loaded?.detector.dispose();
    loaded = { weights: given, gpu, detector };
  }
  return loaded;
}

async function takeImage(file: File): Promise<void> {
  say(byId('detect-error'), '');
  status(`Reading ${file.name}…`);
  const read = await readImageFile(file);
  image?.bitmap.close();
  image = read;
  found = undefined;
  byId('result').hidden = false;
  show();
  await detect(read);
}

async function detect(shown: ImageFile): Promise<void> {
  if (!weights) {
    throw new FoveaError(
      'No weights are loaded. Choose a file above, or start the server with one: npm run web -- WEIGHTS.safetensors',
    );
  }
  setState('detect', 'busy');
  status(`Detecting in ${shown.name}…`);
  const { gpu, detector } = await readyDetector(weights);
  const started = performance.now();
  found = await detector.detect(shown.pixels, { scoreThreshold: Number(threshold.min) });
  const seconds = (performance.now() - started) / 1000;
  const { adapter } = gpu.device;
  status(
    `Detected in ${seconds.toFixed(seconds < 10 ? 2 : 1)} s on ${adapter.name}${adapter.software ? ' (software)' : ''}.`,
  );
  show();
  setState('detect', 'done');
}

/** The detections that the slider lets through, best first, with the number and colour that each keeps. */
function visible(): (Detection & { number: number; color: string })[] {
  const sorted = [...(found ?? [])].sort((a, b) => b.score - a.score);
  const labels = [...new Set(sorted.map(({ label }) => label))].sort();
  return sorted
    .map((detection, i) => ({
      ...detection,
      number: i + 1,
      color: labels.length === 1 ? PREDICTED : colorAt(labels.indexOf(detection.label)),
    }))
    .filter(({ score }) => score >= Number(threshold.value));
}

function show(): void {
  byId('threshold-value').textContent = Number(threshold.value).toFixed(2);
  if (!image) return;
  const { width, height } = image.pixels;
  const list = visible();
  byId('detection-rows').replaceChildren(
    ...list.map(({ number, label, score, box, color }) => {
      const row = make('tr');
      const name = make('td', label);
      const swatch = make('span', '', 'swatch');
      swatch.style.background = color;
      name.prepend(swatch);
      const [x1, y1, x2, y2] = box.map((value) => value.toFixed(0));
      row.append(
        make('td', String(number), 'number'),
        name,
        make('td', score.toFixed(2), 'number'),
        make('td', `${x1}, ${y1} – ${x2}, ${y2}`, 'number'),
      );
      return row;
    }),
  );
  byId('detections').hidden = list.length === 0;
  const above = `score ${Number(threshold.value).toFixed(2)} or more`;
  const count = found && `${list.length} of ${found.length} with ${above}`;
  const summary = found?.length === 0 ? 'nothing found' : count;
  byId('caption').textContent = [image.name, `${width}×${height}`, summary].filter(Boolean).join(' · ');
  canvas.setAttribute('aria-label', `${image.name}${summary ? `: ${summary}` : ''}`);
  draw();
}

function draw(): void {
  if (!image) return;
  const width = canvas.parentElement?.clientWidth ?? 0;
  if (width === 0) return;
  const marks = visible().map(
    ({ number, label, score, box, color }): Marked => ({
      box,
      text: `${number} ${label} ${score.toFixed(2)}`,
      short: String(number),
      color,
    }),
  );
  drawMarked(canvas, image.bitmap, marks, { width, height: Math.max(240, innerHeight * 0.75) });
}
