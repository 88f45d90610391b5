import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Detection,
  Detector,
  defaultSettings,
  type EvaluatedImage,
  evaluateDetector,
  evaluateSegmenter,
  type Gpu,
  type Segmentation,
  Segmenter,
  type SettingsOptions,
  type TrainResult,
  type TrainSettings,
} from 'fovea';
import { PREDICTED, TRUTH } from 'fovea/draw';
import { drawOverlay, sideBySide } from '../draw.ts';
import { writeFileAtomic } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { withLock } from '../lock.ts';
import { detectionOutlines, regionOutlines, writeLabelme } from '../predictions.ts';
import { printable } from '../printable.ts';
import { type ReportRun, type ReportTiming, writeReport } from '../report.ts';
import { type LabelledImage, loadLabelme } from '../samples.ts';
import { runTraining } from '../training.ts';

/** The photograph is split by place: coins whose centre is left of this are for training. */
const SPLIT = 256;
/** No training crop reaches past here, where a test coin begins (with a margin). */
const TRAIN_EDGE = SPLIT - 20;
/** Predictions that score less are not drawn. */
const DRAWN = 0.3;

/** The build puts the photograph beside the program. */
const COINS = fileURLToPath(new URL('coins/coins.json', import.meta.url));

/** Coins look the same from every side, so crops may be turned and mirrored. */
const AUGMENT = 'aerial';
const DETECTOR: SettingsOptions = { steps: 150, cropSize: 128, batchSize: 4, augment: AUGMENT };
const SEGMENTER: SettingsOptions = {
  steps: 100,
  cropSize: 96,
  batchSize: 2,
  width: 8,
  lr: 0.003,
  augment: AUGMENT,
};

interface Outcome {
  readonly run: ReportRun;
  readonly timings: ReportTiming[];
  readonly metrics: Readonly<Record<string, number>>;
}

interface Demo {
  readonly gpu: Gpu;
  readonly coins: LabelledImage;
  readonly out: string;
  readonly seed: number;
}

const heldOut = ([x]: readonly [number, number]): boolean => x >= SPLIT;
const centreX = ({ box }: { readonly box: ArrayLike<number> }): number => (box[0]! + box[2]!) / 2;

/** The half of the photograph that training may see. */
const trainingSample = ({ annotation, ...sample }: LabelledImage): LabelledImage => ({
  ...sample,
  region: [0, 0, TRAIN_EDGE, annotation.height],
  annotation: { ...annotation, shapes: annotation.shapes.filter((shape) => centreX(shape) < SPLIT) },
});

async function timed<T>(fn: () => Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  const value = await fn();
  return [value, (performance.now() - start) / 1000];
}

const trainTiming = (
  name: string,
  where: string,
  seconds: number,
  { history }: TrainResult,
): ReportTiming => ({
  what: `train the ${name}`,
  where,
  seconds,
  count: history.length,
  note: 'with compiling and cutting crops',
});

/** Trains and saves under this name in the demo's folder, in the place of what an earlier demo left there. */
const trainInto = (
  { gpu, out }: Demo,
  name: string,
  label: string,
  samples: LabelledImage[],
  settings: TrainSettings,
) => {
  const file = path.join(out, name);
  return withLock(file, () =>
    runTraining(gpu, samples, settings, { label, data: 'the photograph', out: file }),
  );
};

/** Undefined where a signal stopped the training. */
async function detectCoins(demo: Demo): Promise<Outcome | undefined> {
  const { gpu, coins, out, seed } = demo;
  const samples = [trainingSample(coins)];
  const settings = defaultSettings('retinanet', samples, { ...DETECTOR, seed });
  const where = gpu.device.adapter.name;
  const [trained, trainSeconds] = await timed(() =>
    trainInto(demo, 'detector.safetensors', 'detector', samples, settings),
  );
  if (!trained.finished) return undefined;
  const detector = new Detector(gpu, trained.trained);
  let drawn: readonly Detection[] = [];
  const onImage = ({ found }: EvaluatedImage<readonly Detection[]>) => {
    drawn = found.filter(({ score }) => score >= DRAWN);
  };
  const [{ result }, evalSeconds] = await timed(() =>
    evaluateDetector(detector, [coins], { objects: heldOut, onImage }),
  );
  const png = await sideBySide([
    {
      title: 'predicted',
      color: PREDICTED,
      png: await drawOverlay(coins.image, {
        boxes: drawn.map((found) => ({ ...found, color: PREDICTED })),
      }),
    },
    {
      title: 'true',
      color: TRUTH,
      dashed: true,
      png: await drawOverlay(coins.image, {
        boxes: coins.annotation.shapes.map(({ box, label }) => ({ box, label, color: TRUTH, dashed: true })),
      }),
    },
  ]);
  await writeFileAtomic(path.join(out, 'coins-detect.png'), png);
  await writeLabelme(
    path.join(out, 'coins-detect.json'),
    path.join(path.dirname(COINS), 'coins.png'),
    coins.image,
    detectionOutlines(drawn),
  );
  detector.dispose();
  return {
    metrics: { ap50: result.ap50, ap: result.ap },
    timings: [
      trainTiming('detector', where, trainSeconds, trained),
      {
        what: 'detect on the photograph',
        where,
        seconds: evalSeconds,
        note: 'first run, including compilation',
      },
    ],
    run: {
      name: 'RetinaNet',
      task: 'detection',
      description: `Trained from random weights on crops of the left part of the photograph; evaluated on the ${coins.annotation.shapes.filter((shape) => centreX(shape) >= SPLIT).length} coins in the right part, which no crop contains.`,
      metrics: { 'AP@.5': result.ap50, 'AP@[.5:.95]': result.ap },
      steps: trained.history,
      precisionRecall: [{ name: 'coins, IoU .5', ...result.precisionRecall, ap: result.ap50 }],
      images: [
        {
          image: png,
          caption: `Predicted boxes with a score of ${DRAWN} or more, next to the true ones. Only coins whose centre is right of x = ${SPLIT} are evaluated.`,
          alt: `The photograph of coins twice: with ${drawn.length} predicted boxes, and with ${coins.annotation.shapes.length} true ones`,
        },
      ],
      config: { ...settings },
    },
  };
}

async function segmentCoins(demo: Demo): Promise<Outcome | undefined> {
  const { gpu, coins, out, seed } = demo;
  const samples = [trainingSample(coins)];
  const settings = defaultSettings('unet', samples, { ...SEGMENTER, seed });
  const where = gpu.device.adapter.name;
  const [trained, trainSeconds] = await timed(() =>
    trainInto(demo, 'segmenter.safetensors', 'U-Net', samples, settings),
  );
  if (!trained.finished) return undefined;
  const segmenter = new Segmenter(gpu, trained.trained);
  const region = [TRAIN_EDGE, 0, coins.image.width, coins.image.height] as const;
  const segmentations: Segmentation[] = [];
  const onImage = ({ found }: EvaluatedImage<Segmentation>) => void segmentations.push(found);
  const [evaluation, evalSeconds] = await timed(() =>
    evaluateSegmenter(segmenter, [coins], { objects: heldOut, region, onImage }),
  );
  const segmentation = segmentations[0]!;
  const png = await sideBySide([
    {
      title: 'predicted',
      color: PREDICTED,
      png: await drawOverlay(coins.image, { masks: [{ mask: segmentation.labels, color: PREDICTED }] }),
    },
    {
      title: 'true',
      color: TRUTH,
      dashed: true,
      png: await drawOverlay(coins.image, {
        polygons: coins.annotation.shapes.map(({ points }) => ({
          points: points!,
          color: TRUTH,
          dashed: true,
          opacity: 0.4,
        })),
      }),
    },
  ]);
  await writeFileAtomic(path.join(out, 'coins-segment.png'), png);
  await writeLabelme(
    path.join(out, 'coins-segment.json'),
    path.join(path.dirname(COINS), 'coins.png'),
    coins.image,
    regionOutlines(segmentation, settings.classNames),
  );
  segmenter.dispose();
  return {
    metrics: { iou: evaluation.iou, dice: evaluation.dice },
    timings: [
      trainTiming('U-Net', where, trainSeconds, trained),
      {
        what: 'segment the photograph',
        where,
        seconds: evalSeconds,
        note: 'first run, including compilation',
      },
    ],
    run: {
      name: 'U-Net',
      task: 'segmentation',
      description: `Trained like the detector; evaluated on the pixels right of x = ${TRAIN_EDGE}, which no crop contains (pixels of training coins that reach over this line are left out).`,
      metrics: { IoU: evaluation.iou, Dice: evaluation.dice },
      steps: trained.history,
      images: [
        {
          image: png,
          caption: 'Predicted coin pixels, next to the true outlines.',
          alt: 'The photograph of coins twice: with predicted pixels and with true outlines filled',
        },
      ],
      config: { ...settings },
    },
  };
}

/** fovea demo: both trainings, their evaluation on held-out coins, and everything that shows it, in one folder. */
export async function demoCommand({
  out,
  seed,
  adapter,
}: {
  out: string;
  seed: number;
  adapter?: string;
}): Promise<void> {
  const start = performance.now();
  const coins = await loadLabelme(COINS);
  await mkdir(out, { recursive: true });
  await withGpu(adapter, async (gpu) => {
    const demo: Demo = { gpu, coins, out, seed };
    const detect = await detectCoins(demo);
    const segment = detect && (await segmentCoins(demo));
    if (!detect || !segment) {
      process.stderr.write('stopped: the demo has no results; run it again\n');
      return;
    }
    const seconds = Math.round((performance.now() - start) / 100) / 10;
    const { name, software } = gpu.device.adapter;
    const metrics = { detect: detect.metrics, segment: segment.metrics, adapter: name, seconds, seed };
    await writeFileAtomic(path.join(out, 'metrics.json'), `${JSON.stringify(metrics, undefined, 2)}\n`);
    await writeReport(path.join(out, 'report.html'), {
      title: 'Fovea: coins, detected and segmented',
      lead: 'A detector and a U-Net, trained from random weights on the left part of one photograph, on WebGPU, and evaluated on the coins in its right part. One photograph shows that training works; it says nothing about other photographs.',
      adapter: { name, software },
      runs: [detect.run, segment.run],
      timings: [...detect.timings, ...segment.timings],
      seed,
      versions: { node: process.versions.node },
      command: `npx fovea demo --seed ${seed}`,
    });
    const line = [
      `AP@.5 ${detect.metrics.ap50!.toFixed(3)}`,
      `AP ${detect.metrics.ap!.toFixed(3)}`,
      `IoU ${segment.metrics.iou!.toFixed(3)}`,
      `Dice ${segment.metrics.dice!.toFixed(3)}`,
      `${seconds} s`,
    ];
    process.stdout.write(
      `${line.join(', ')}\nwritten to ${printable(out)}/: report.html, coins-detect.png, coins-segment.png, metrics.json, weights and Labelme files\n`,
    );
  });
}
