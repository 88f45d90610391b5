import path from 'node:path';
import { UsageError } from 'fovea';
import { readFileBytes } from 'fovea/io';
import { isOnnx } from 'fovea/onnx';
import { exportModel } from 'fovea/open';
import { counted } from '../counted.ts';
import { checkOutputFile, realPath, writeFileAtomic } from '../files.ts';
import { expectSize, type ModelFileOptions, readModel, sayBuilders, trainedOf } from '../modelFiles.ts';
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

/** Throws UsageError for thresholds of NMS that a file without it would not have. */
function checkThresholds(
  file: string,
  detects: boolean,
  { threshold, iou, nms }: ExportCommandOptions,
): void {
  if (detects && nms !== 'outside') return;
  const given = threshold !== undefined ? '--threshold' : iou !== undefined ? '--iou' : undefined;
  if (given === undefined) return;
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
  const trained = trainedOf(opened, file);
  const { model, classNames } = trained;
  const { title } = opened;
  if (size) expectSize(trained, size);
  checkThresholds(file, 'detect' in model, { threshold, iou, nms });
  const { bytes, size: sides } = await exportModel(opened, {
    ...{ name: file, opset, batch, nms, size, foldBatchNorm },
    ...{ scoreThreshold: threshold, iouThreshold: iou },
  });
  await writeFileAtomic(out, bytes);
  const shape = `[${batch === 'dynamic' ? 'N' : batch},3,${sides.join()}]`;
  process.stdout.write(`${printable(file)}: ${title}, ${counted(classNames.length, 'class', 'classes')}\n`);
  process.stdout.write(
    `${printable(out)}: written, ${bytes.length.toLocaleString('en')} bytes; images ${shape}, RGB in 0..1\n`,
  );
}
