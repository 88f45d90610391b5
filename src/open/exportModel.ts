import { expectArguments } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import type { DetectOptions } from '../models/detection.ts';
import { exportOnnx } from '../onnx/export/exportOnnx.ts';
import { withDefaults } from '../options.ts';
import { architectureOf } from '../tasks/architectures.ts';
import { EVALUATED_SCORE } from '../tasks/detectionEvaluator.ts';
import { metadataOf, type TrainedModel } from '../tasks/modelFile.ts';
import type { Preprocessing } from '../tasks/preprocessing.ts';
import type { OpenedModel } from './openedModel.ts';

/** Options of `exportModel`. */
export interface ExportModelOptions {
  /** What the model is called in messages. Default: its title. */
  readonly name?: string;
  /** The version of ONNX's operation set, 13 to 21. Default 17. */
  readonly opset?: number | undefined;
  /** The number of images that the file takes; `dynamic`, the default, for any. */
  readonly batch?: number | 'dynamic';
  /** Where non-maximum suppression of a detector happens: see `exportOnnx`. Default `inside`. */
  readonly nms?: 'inside' | 'outside' | undefined;
  /** Of detectors with NMS inside: the lowest score of the detections that the file gives. Default `EVALUATED_SCORE`, which AP needs. */
  readonly scoreThreshold?: number | undefined;
  /** Of detectors with NMS inside: of two boxes of a class that overlap by more, the file gives one. Default: that of the model. */
  readonly iouThreshold?: number | undefined;
  /** [height, width] of the images. Default: the model's own, or squares of the longer side that it shrinks images to. */
  readonly size?: readonly [height: number, width: number] | undefined;
  /** Whether batch norms are multiplied into the convolutions before them. Default false. */
  readonly foldBatchNorm?: boolean | undefined;
}

/** What `exportModel` returns. */
export interface ModelExport {
  /** The ONNX file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** [height, width] of the images that it takes. */
  readonly size: readonly [height: number, width: number];
}

/**
 * Returns the side in pixels of the images that a model is given, where nobody names one.
 *
 * @param trained The model, or how images are prepared for it as `preprocessing`.
 */
export function usualSide(trained: Pick<TrainedModel, 'preprocessing'>): number {
  expectArguments('usualSide', { trained }, { trained: { preprocessing: 'object' } });
  const { preprocessing } = trained;
  if ('size' in preprocessing) return Math.max(...preprocessing.size);
  if ('maxSide' in preprocessing) return preprocessing.maxSide;
  if ('cropSize' in preprocessing) return preprocessing.cropSize;
  return 'minSide' in preprocessing ? preprocessing.minSide : 800;
}

/** Height and width of images for a model that takes multiples of a number. Throws UsageError for others. */
function sizeOf(
  { name, model, preprocessing }: TrainedModel,
  size: readonly [number, number] | undefined,
): readonly [number, number] {
  const multiple = architectureOf(name).sizeMultiple(model.config);
  if (!size) {
    if ('size' in preprocessing) return preprocessing.size;
    if ('cropSize' in preprocessing) return [preprocessing.cropSize, preprocessing.cropSize];
    const side = Math.ceil(usualSide({ preprocessing }) / multiple) * multiple;
    return [side, side];
  }
  const wrong = size.find((length) => length % multiple !== 0);
  if (wrong === undefined) return size;
  throw new UsageError(
    `exportModel: size: ${name} takes images whose sides are multiples of ${multiple}, not ${wrong}`,
  );
}

/** Describes how Fovea prepares an image for the model. */
const preprocessed = (how: object): string =>
  JSON.stringify({ ...how, channels: 'RGB', range: [0, 1], padding: 0.5 });

/** How images are prepared for a classifier of another size: the same share of them is cut out, or the whole is stretched. */
function ofSize(preprocessing: Preprocessing, size: readonly [number, number] | undefined): Preprocessing {
  if (!size || !('cropSize' in preprocessing)) return preprocessing;
  const [height, width] = size;
  if (height !== width) return { size, fit: 'stretch' };
  const { resizeSize, cropSize } = preprocessing;
  return { resizeSize: Math.round((resizeSize * height) / cropSize), cropSize: height };
}

/**
 * Writes an opened model as an ONNX file, with its classes and preprocessing in the file's metadata, by which `openModel` opens it
 * again: what `fovea export` does. It needs no GPU.
 *
 * @param opened The model.
 * @param options Its name in messages, the size and number of images, and what else the file is like.
 * @throws UsageError for an ONNX model, a size that the model does not take, and thresholds for a file without NMS.
 */
export async function exportModel(
  opened: OpenedModel,
  options: ExportModelOptions = {},
): Promise<ModelExport> {
  expectArguments('exportModel', { opened, options }, { opened: { title: 'text' }, options: 'object' });
  const { name, opset, batch, nms, scoreThreshold, iouThreshold, size, foldBatchNorm } = withDefaults(
    'exportModel',
    options,
    {
      ...{
        name: opened.title,
        opset: undefined,
        batch: 'dynamic',
        nms: undefined,
        scoreThreshold: undefined,
      },
      ...{ iouThreshold: undefined, size: undefined, foldBatchNorm: undefined },
    },
  );
  const { trained } = opened;
  if (!trained) throw new UsageError(`${name}: is an ONNX model; give one of Fovea or torchvision`);
  const { model, classNames } = trained;
  const preprocessing = ofSize(trained.preprocessing, size);
  const [height, width] = sizeOf(trained, size);
  const detects = 'detect' in model;
  const inside = detects && nms !== 'outside';
  if (!inside && (scoreThreshold !== undefined || iouThreshold !== undefined)) {
    const why = detects ? "nms 'outside' leaves NMS out of the file" : `${name} is no detector`;
    throw new UsageError(`exportModel: ${why}; leave scoreThreshold and iouThreshold out`);
  }
  const detect: DetectOptions = {
    scoreThreshold: scoreThreshold ?? EVALUATED_SCORE,
    ...(iouThreshold === undefined ? {} : { iouThreshold }),
  };
  const bytes = await exportOnnx(
    model,
    { images: [batch === 'dynamic' ? 1 : batch, height, width, 3] },
    {
      ...{ opset, nms, foldBatchNorm, dynamicBatch: batch === 'dynamic' },
      ...(inside ? { detect } : {}),
      ...(detects ? {} : { forward: (x) => ({ logits: model.forward(x) }) }),
      metadata: {
        'fovea.model': JSON.stringify(metadataOf({ ...trained, preprocessing })),
        preprocessing: preprocessed(preprocessing),
        names: JSON.stringify({ ...classNames }),
      },
    },
  );
  return { bytes, size: [height, width] };
}
