import { expectArguments, GPU } from '../../arguments.ts';
import { UsageError } from '../../errors.ts';
import { isOnnx } from '../../io/otherFormats.ts';
import type { OpenModelOptions } from '../../open/openedModel.ts';
import { openModel } from '../../open/openModel.ts';
import { expectOneOf, expectOptions } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { Embedder, type EmbedderOptions, embedderOptions } from './embedder.ts';
import { moduleSource } from './moduleSource.ts';

/** Options of `openEmbedder`. */
export interface OpenEmbedderOptions extends EmbedderOptions {
  /** What the file itself does not say, as for `openModel`: its name, Darknet's weights, torchvision's builder, how images are normalised. */
  readonly model?: OpenModelOptions;
}

/**
 * Opens a model of any origin to embed images with it: a file of `fovea train`, torchvision's weights, Darknet's .cfg with its .weights, or an ONNX
 * model of images, which need not have a head that is known.
 *
 * @param gpu Where the model runs.
 * @param bytes The file of the model.
 * @param options Layer, pooling, normalisation and size of batches; and what `openModel` takes, as `model`.
 * @throws UsageError for a layer that there is not and for options that are for another kind of file; ShapeError for a layer that gives no features;
 * DataError for files that cannot be read.
 */
export async function openEmbedder(
  gpu: Gpu,
  bytes: Uint8Array,
  options: OpenEmbedderOptions = {},
): Promise<Embedder> {
  expectOptions('openEmbedder', options, ['model', 'layer', 'pooling', 'normalize', 'batchSize']);
  const { model = {}, ...own } = options;
  const checked = embedderOptions('openEmbedder', own);
  expectArguments(
    'openEmbedder',
    { gpu, bytes, model },
    { gpu: GPU, bytes: 'bytes', model: { 'name?': 'text', 'externalData?': 'function' } },
  );
  if (!isOnnx(bytes)) {
    const { trained } = await openModel(bytes, model);
    return new Embedder(gpu, moduleSource(trained!, checked.layer), checked);
  }
  const { name = 'model', weights, fit, arch, normalize } = model;
  const stray = Object.entries({ weights, fit, arch }).find(([, value]) => value !== undefined)?.[0];
  if (stray !== undefined) {
    throw new UsageError(`${name}: is an ONNX model, which model.${stray} is not for; leave it out`);
  }
  if (normalize !== undefined)
    expectOneOf('openEmbedder', 'model.normalize', normalize, ['imagenet', 'none']);
  const { onnxSource } = await import('./onnxSource.ts');
  return new Embedder(gpu, onnxSource(bytes, checked.layer, model), checked);
}
