/** Pictures of a training for people: what it is fed with, and what it finds meanwhile. */
import { architectureOf, Detector, type Gpu, Segmenter, type TaskModel, type TrainSettings } from 'fovea';
import type { ClassSample, Sample } from 'fovea/data';
import { encodePng, type RgbaImage } from 'fovea/draw';
import { ClassLoader, CropLoader, showBatch, showPredictions } from 'fovea/learn';

const blobOf = async (image: RgbaImage): Promise<Blob> =>
  new Blob([(await encodePng(image)) as Uint8Array<ArrayBuffer>], { type: 'image/png' });

/** How many augmented crops are shown. */
const CROPS = 8;

/** Crops as the training gets them, with their labels. */
export async function previewOf(
  samples: readonly Sample[] | readonly ClassSample[],
  { model, classNames, cropSize, augment, seed }: TrainSettings,
): Promise<Blob> {
  const { task, hasMasks = false } = architectureOf(model);
  const common = { batchSize: CROPS, size: [cropSize, cropSize] as const, classNames, augment, seed };
  const loader =
    task === 'classify'
      ? new ClassLoader(samples as readonly ClassSample[], common)
      : new CropLoader(
          samples as readonly Sample[],
          task === 'detect' ? { task, masks: hasMasks, ...common } : { task, ...common },
        );
  const shown = { classNames, maxItems: CROPS, columns: 4 };
  // The loaders have batches of other types, of which each is shown.
  return blobOf(await showBatch(loader as Parameters<typeof showBatch>[0], shown));
}

/** Pictures that are shown after each epoch. */
const SHOWN = 4;

/** Draws what a model finds while it is being trained. */
export class Watcher {
  readonly #gpu: Gpu;
  readonly #settings: TrainSettings;
  readonly #samples: readonly Sample[];
  #made: { readonly model: TaskModel; readonly runs: Detector | Segmenter } | undefined;

  constructor(gpu: Gpu, settings: TrainSettings, samples: readonly Sample[]) {
    this.#gpu = gpu;
    this.#settings = settings;
    this.#samples = samples.slice(0, SHOWN);
  }

  /** What the model finds now, beside what is labelled. Leaves the model in evaluation mode. */
  async look(model: TaskModel): Promise<Blob> {
    model.eval();
    if (this.#made?.model !== model) {
      this.dispose();
      const { model: name, classNames, maxSide } = this.#settings;
      const trained = { name, classNames, preprocessing: { maxSide }, model };
      const detects = architectureOf(name).task === 'detect';
      this.#made = {
        model,
        runs: detects ? new Detector(this.#gpu, trained) : new Segmenter(this.#gpu, trained),
      };
    }
    return blobOf(await showPredictions(this.#made.runs, this.#samples, { columns: 2, side: 320 }));
  }

  dispose(): void {
    this.#made?.runs.dispose();
    this.#made = undefined;
  }
}
