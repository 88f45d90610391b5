import { existsSync } from 'node:fs';
import { architectureOf, type TrainedModel, tensor, UsageError } from 'fovea';
import { readFileBytes } from 'fovea/io';
import { isOnnx, loadOnnx, type OnnxModule } from 'fovea/onnx';
import { hasNamedModel, namedModel } from 'fovea/open';
import { type Trace, trace, tracePrediction, traceTraining } from 'fovea/profile';
import {
  besides,
  expectModel,
  expectSize,
  type ModelFileOptions,
  readModel,
  sayBuilders,
  usualSide,
} from '../modelFiles.ts';

/** What is profiled. */
export interface TargetOptions extends ModelFileOptions {
  /** [height, width] of the images. Default: that of the model. */
  readonly size?: readonly [number, number];
  /** Images at once. Default 1, in training 4. */
  readonly batch?: number;
  /** A training step in place of a prediction. */
  readonly train?: boolean;
}

/** A program to profile, and how it is called. */
export interface Target {
  readonly trace: Trace;
  /** `resnet18, prediction, 1 image of 224x224`. */
  readonly title: string;
  readonly batch: number;
  readonly size: readonly [number, number];
}

/** Crops of new models, as `fovea tune` takes them. */
const CROP = 128;
const BATCH = 4;
/** A model whose sides are multiples of more than this takes images of one size. */
const STRIDES = 64;

/** The size of the images. Throws UsageError for one that the model does not take. */
function sizeOf(trained: TrainedModel, { size, train }: TargetOptions): readonly [number, number] {
  const { name, model, preprocessing, training } = trained;
  const multiple = architectureOf(name).sizeMultiple(model.config);
  if (size) {
    expectSize(trained, size);
    return size;
  }
  if (!train && 'size' in preprocessing) return preprocessing.size;
  const own = train && !('cropSize' in preprocessing) ? (training?.settings.cropSize ?? CROP) : undefined;
  const side = multiple > STRIDES ? multiple : (own ?? usualSide({ preprocessing }));
  const rounded = Math.ceil(side / multiple) * multiple;
  return [rounded, rounded];
}

const titleOf = (
  title: string,
  { train = false }: TargetOptions,
  batch: number,
  [height, width]: readonly [number, number],
): string =>
  `${title}, ${train ? 'a training step' : 'a prediction'}, ${batch} ${batch === 1 ? 'image' : 'images'} of ${width}x${height}`;

/** The program of a model of Fovea's. */
function ofTrained(trained: TrainedModel, title: string, options: TargetOptions): Target {
  const { train = false, batch = train ? (trained.training?.settings.batchSize ?? BATCH) : 1 } = options;
  const size = sizeOf(trained, options);
  const { model, training } = trained;
  model.train(train);
  const images = { size, batchSize: batch };
  const { freeze } = training?.settings ?? {};
  const traced = train
    ? traceTraining(model, { ...images, ...(freeze ? { freeze } : {}) })
    : tracePrediction(model, images);
  return { trace: traced, title: titleOf(title, options, batch, size), batch, size };
}

/** Sides of the images of an ONNX model that takes any. */
const ONNX_SIDE = 640;

/** The program of an ONNX model: inputs of floats, whose first size is the number of images, and the last two are theirs. */
function ofOnnx(model: OnnxModule, file: string, options: TargetOptions): Target {
  const { train, batch = 1, size: [height, width] = [ONNX_SIDE, ONNX_SIDE] } = options;
  if (train) {
    throw new UsageError(
      `${file}: is an ONNX model, of which nothing says its loss; leave out --train, or give a model of Fovea or torchvision`,
    );
  }
  let used: readonly [number, number] = [height, width];
  const inputs = model.inputs.map(({ name, type, shape }) => {
    if (!shape || !/float/.test(type)) {
      throw new UsageError(
        `${file}: its input ${name} is ${shape ? type : 'of any shape'}; models of images are profiled`,
      );
    }
    const sides = shape.map((side, i): number => {
      const fixed = typeof side === 'number' ? side : undefined;
      const place = shape.length - i;
      const wanted = place === 1 ? width : place === 2 ? height : i === 0 ? batch : 3;
      const given = place > 2 ? (i === 0 ? options.batch : undefined) : options.size && wanted;
      if (fixed !== undefined && given !== undefined && given !== fixed) {
        throw new UsageError(
          `${place > 2 ? '--batch' : '--size'}: ${file} has ${fixed} in ${name} [${shape.join(',')}], not ${given}; leave it out`,
        );
      }
      return fixed ?? wanted;
    });
    used = [sides.at(-2) ?? 1, sides.at(-1) ?? 1];
    return { name, tensor: tensor(new Float32Array(sides.reduce((a, b) => a * b, 1)).fill(0.5), sides) };
  });
  const names = inputs.map(({ name }) => name);
  const traced = trace(
    (...given) => model.forward(Object.fromEntries(given.map((x, i) => [names[i]!, x]))),
    inputs.map((input) => input.tensor),
    { module: model },
  );
  return { trace: traced, title: titleOf(file, options, batch, used), batch, size: used };
}

/**
 * The program of a model: by the name of a new one, or of a file. Throws UsageError and DataError for what is neither, and for sizes that
 * it does not take.
 */
export async function openTarget(model: string, options: TargetOptions): Promise<Target> {
  if (hasNamedModel(model)) {
    const { weights, arch, size } = options;
    const stray = Object.entries({ weights, arch }).find(([, value]) => value !== undefined);
    if (stray)
      throw new UsageError(`--${stray[0]} is for a file; ${model} is the name of a new model: leave it out`);
    return ofTrained(namedModel(model, size ? { cropSize: Math.max(...size) } : {}), model, options);
  }
  if (!existsSync(model) && !/[./\\]/.test(model)) {
    throw new UsageError(
      `profile: ${model} is no file, and no model; give a file, one of fovea train --help, or one of torchvision's, such as resnet18`,
    );
  }
  const bytes = await readFileBytes(model);
  expectModel(bytes, model);
  if (isOnnx(bytes)) {
    const onnx = loadOnnx(bytes, { externalData: besides(model) });
    onnx.eval();
    return ofOnnx(onnx, model, options);
  }
  const opened = await readModel(model, options, bytes);
  sayBuilders(model, opened);
  return ofTrained(opened.trained!, opened.title, options);
}
