import path from 'node:path';
import {
  architectureOf,
  EVALUATED_SCORE,
  metadataOf,
  type Preprocessing,
  type TrainedModel,
  UsageError,
} from 'fovea';
import { readFileBytes } from 'fovea/io';
import type { DetectOptions } from 'fovea/models';
import { exportOnnx, isOnnx } from 'fovea/onnx';
import type { OpenedModel } from 'fovea/open';
import { counted } from '../counted.ts';
import { checkOutputFile, realPath, writeFileAtomic } from '../files.ts';
import { type ModelFileOptions, readModel, sayBuilders, trainedOf, usualSide } from '../modelFiles.ts';
import { printable } from '../printable.ts';

export interface ExportCommandOptions extends ModelFileOptions {
  /** The version of ONNX's operation set. */
  readonly opset?: number;
  /** The number of images that the file takes; `dynamic`, the default, for any. */
  readonly batch?: number | 'dynamic';
  readonly nms?: 'inside' | 'outside';
  /** The lowest score of the detections that the file gives. Default 0.01, which `fovea eval` needs. */
  readonly threshold?: number;
  /** The IoU above which NMS in the file leaves out the lower-scoring of two boxes of a class. Default: that of the model. */
  readonly iou?: number;
  /** [height, width] of the images. Default: the model's own, or squares of the longer side that it shrinks images to. */
  readonly size?: readonly [number, number];
  readonly foldBatchNorm?: boolean;
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
  throw new UsageError(`--size: ${name} takes images whose sides are multiples of ${multiple}, not ${wrong}`);
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

/** The model to export, with what the file says of it. Throws UsageError for a size that it does not take. */
function exported(opened: OpenedModel, file: string, size: readonly [number, number] | undefined) {
  const trained = trainedOf(opened, file);
  const { model, classNames } = trained;
  const preprocessing = ofSize(trained.preprocessing, size);
  const described = {
    'fovea.model': JSON.stringify(metadataOf({ ...trained, preprocessing })),
    preprocessing: preprocessed(preprocessing),
  };
  return { title: opened.title, model, classNames, sides: sizeOf(trained, size), described };
}

/** Thresholds for the NMS in the file. Throws UsageError for those that a file without NMS would not have. */
function thresholds(
  file: string,
  detects: boolean,
  { threshold, iou, nms }: ExportCommandOptions,
): DetectOptions | undefined {
  if (detects && nms !== 'outside') {
    return {
      scoreThreshold: threshold ?? EVALUATED_SCORE,
      ...(iou === undefined ? {} : { iouThreshold: iou }),
    };
  }
  const given = threshold !== undefined ? '--threshold' : iou !== undefined ? '--iou' : undefined;
  if (given === undefined) return undefined;
  const why = detects ? '--nms outside leaves NMS out of the file' : `${file} is no detector`;
  throw new UsageError(`${given}: ${why}; leave ${given} out`);
}

/**
 * fovea export: a model of any origin as an ONNX file, with its classes and preprocessing in the file's metadata. Throws UsageError for
 * another extension, a size that the model does not take, and where both are one file; DataError for what is no model or cannot be written.
 */
export async function exportCommand(
  file: string,
  out: string,
  {
    opset,
    batch = 'dynamic',
    nms,
    threshold,
    iou,
    size,
    foldBatchNorm,
    ...origin
  }: ExportCommandOptions = {},
): Promise<void> {
  if (path.extname(out).toLowerCase() !== '.onnx') {
    throw new UsageError(`${out}: an ONNX file is written; end its name in .onnx`);
  }
  if ((await realPath(file)) === (await realPath(out))) {
    throw new UsageError(`${out}: is the model to export; choose another file`);
  }
  await checkOutputFile(out);
  const content = await readFileBytes(file);
  if (isOnnx(content)) {
    throw new UsageError(
      `${file}: is an ONNX model already; "fovea weights convert" writes its weights as .safetensors or .pth`,
    );
  }
  const opened = await readModel(file, origin, content);
  sayBuilders(file, opened);
  const { title, model, classNames, sides, described } = exported(opened, file, size);
  const [height, width] = sides;
  const images = batch === 'dynamic' ? 1 : batch;
  const detect = thresholds(file, 'detect' in model, { threshold, iou, nms });
  const bytes = await exportOnnx(
    model,
    { images: [images, height, width, 3] },
    {
      opset,
      nms,
      detect,
      foldBatchNorm,
      dynamicBatch: batch === 'dynamic',
      ...('detect' in model ? {} : { forward: (x) => ({ logits: model.forward(x) }) }),
      metadata: { ...described, names: JSON.stringify({ ...classNames }) },
    },
  );
  await writeFileAtomic(out, bytes);
  const shape = `[${batch === 'dynamic' ? 'N' : batch},3,${height},${width}]`;
  process.stdout.write(`${printable(file)}: ${title}, ${counted(classNames.length, 'class', 'classes')}\n`);
  process.stdout.write(
    `${printable(out)}: written, ${bytes.length.toLocaleString('en')} bytes; images ${shape}, RGB in 0..1\n`,
  );
}
