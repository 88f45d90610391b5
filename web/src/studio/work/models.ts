/** The worker that runs models: it has its own way to the store, and its own GPU. */
import { expose, transfer } from 'comlink';
import { fromVideoFrame, type TaskName } from 'fovea';
import type { FloatImage } from 'fovea/data';
import type { ImageSize } from 'fovea/vision';
import { getGpu } from '../../gpu.ts';
import { type EvaluateRequest, evaluate } from '../learn/evaluate.ts';
import { type Frame, sizeOf } from '../learn/frames.ts';
import type { Evaluation } from '../learn/judged.ts';
import {
  type BroughtModel,
  ModelShelf,
  type ModelSource,
  openFile,
  type RunningModel,
} from '../learn/modelShelf.ts';
import { pixelsOf } from '../learn/pixels.ts';
import { type Prediction, type PredictOptions, predict } from '../learn/predict.ts';
import { ownStore } from './ownStore.ts';

/** A picture of the project by its id, a file, or a frame, which is closed. */
export type PredictSource = string | Blob | Frame;

/** What a model is. */
export interface ModelDescription {
  readonly task: TaskName;
  readonly classNames: readonly string[];
  /** What its network is called. */
  readonly title: string;
  /** What it is and how pictures are prepared for it, in one line. */
  readonly description: string;
  /** The lowest threshold that it takes; undefined for any. */
  readonly leastScore?: number;
  /** Of torchvision's weights: the architectures that they may be of, the one that was assumed first. */
  readonly builders?: readonly string[];
}

export interface AdapterFacts {
  readonly name: string;
  readonly software: boolean;
}

async function read(source: ModelSource): Promise<Omit<BroughtModel, 'id'>> {
  if (typeof source !== 'string') return source;
  const { models } = await ownStore();
  const model = await models.model(source);
  return { file: await models.fileOf(model), ...(model.arch ? { arch: model.arch } : {}) };
}

const shelf = new ModelShelf(getGpu, read);
/** The evaluations that run, by the numbers that their callers gave them. */
const running = new Map<number, AbortController>();

/** Runs a model on a frame, which goes to the GPU as it is. */
async function predictFrame(model: RunningModel, frame: Frame, options: PredictOptions): Promise<Prediction> {
  const image = await fromVideoFrame(model.gpu, frame);
  try {
    return await predict(model, image, sizeOf(frame), options);
  } finally {
    image.dispose();
  }
}

interface Decoded {
  readonly image: FloatImage;
  /** That of the picture, which may have more pixels. */
  readonly size: ImageSize;
}

async function decode(source: string | Blob): Promise<Decoded> {
  if (typeof source === 'string') {
    const own = await ownStore();
    const picture = await own.picture(source);
    const { width, height, name } = picture;
    return { image: await pixelsOf(await own.fileOf(picture), name), size: { width, height } };
  }
  const image = await pixelsOf(source, source instanceof File ? source.name : 'the picture');
  return { image, size: { width: image.width, height: image.height } };
}

async function predictIn(
  model: ModelSource,
  source: PredictSource,
  options: PredictOptions,
): Promise<Prediction> {
  if (typeof source === 'string' || source instanceof Blob) {
    const { image, size } = await decode(source);
    return shelf.use(model, (one) => predict(one, image, size, options));
  }
  try {
    return await shelf.use(model, (one) => predictFrame(one, source, options));
  } finally {
    source.close();
  }
}

const worker = {
  /** The adapter that models run on. */
  async adapter(): Promise<AdapterFacts> {
    const { name, software } = (await getGpu()).device.adapter;
    return { name, software };
  },

  /** What a file is, told by its content; nothing is kept. @throws DataError for what is no model that the library runs. */
  async describe(file: File, arch?: string): Promise<ModelDescription> {
    const { task, classNames, title, description, leastScore, builders } = await openFile(file, arch);
    return {
      ...{ task, classNames, title, description },
      ...(leastScore === undefined ? {} : { leastScore }),
      ...(builders ? { builders } : {}),
    };
  },

  /** What a model finds in a picture. */
  async predict(
    model: ModelSource,
    source: PredictSource,
    options: PredictOptions = {},
  ): Promise<Prediction> {
    const prediction = await predictIn(model, source, options);
    if (prediction.task !== 'segment') return prediction;
    return transfer(prediction, [prediction.map.labels.buffer as ArrayBuffer]);
  },

  /** Judges a model by pictures of one project. `turn` is for `cancel`. */
  async evaluate(
    turn: number,
    source: ModelSource,
    ids: readonly string[],
    onProgress?: NonNullable<EvaluateRequest['onProgress']>,
  ): Promise<Evaluation> {
    const abort = new AbortController();
    running.set(turn, abort);
    try {
      const own = await ownStore();
      const pictures = await Promise.all(ids.map((id) => own.picture(id)));
      const [first] = pictures;
      if (!first) throw new RangeError('judging the model: there are no pictures; choose labelled ones');
      const request = { source, pictures, project: await own.project(first.project), signal: abort.signal };
      return await evaluate(shelf, own, { ...request, ...(onProgress ? { onProgress } : {}) });
    } finally {
      running.delete(turn);
    }
  },

  /** Ends an evaluation, which rejects with an AbortError. */
  cancel(turn: number): void {
    running.get(turn)?.abort();
  },
};

export type ModelWorker = typeof worker;

expose(worker);
