import type { Tensor } from '../../graph/tensor.ts';
import { IMAGENET } from '../../models/preprocess.ts';
import { extracted } from '../../onnx/extract.ts';
import type { OnnxModel } from '../../onnx/graph.ts';
import { inFile } from '../../onnx/inFile.ts';
import { moduleOf, type OnnxModule } from '../../onnx/module.ts';
import { parseModel } from '../../onnx/parseModel.ts';
import { UnsupportedError } from '../../onnx/unsupported.ts';
import { type Head, tellHead } from '../../open/onnxHeads.ts';
import { inputOf, outputsOf, preparationOf, usualSize } from '../../open/onnxInput.ts';
import { type OnnxFit, planarImage, preparedFor } from '../../open/onnxPrepare.ts';
import type { OpenModelOptions } from '../../open/openedModel.ts';
import { defaultLayer } from './onnxLayer.ts';
import type { FeatureSource } from './source.ts';

/** The whole model, where all its operations are known. */
function wholeOf(model: OnnxModel): OnnxModule | undefined {
  try {
    return moduleOf(model).eval();
  } catch (error) {
    if (error instanceof UnsupportedError) return undefined;
    throw error;
  }
}

/** The head of a model, as far as its outputs tell it. */
function headOf(
  model: OnnxModel,
  whole: OnnxModule | undefined,
  input: ReturnType<typeof inputOf>,
  size: readonly [number, number],
): Head | undefined {
  const declared = model.graph.outputs.map(({ name, type, shape }) => ({
    name,
    integers: /^u?int|bool/.test(type),
    shape,
  }));
  const outputs = whole ? outputsOf(whole, input, size).outputs : declared;
  return tellHead({ outputs, metadata: model.metadata, batched: input.batched, size });
}

/** The size of the images that a network gets, in its pixels. */
function sizeOf(fit: OnnxFit, usual: readonly [number, number]): readonly [number, number] {
  if (fit.kind === 'crop') return [fit.crop.cropSize, fit.crop.cropSize];
  if (fit.kind === 'own' && 'cropSize' in fit.own) return [fit.own.cropSize, fit.own.cropSize];
  return 'size' in fit ? fit.size : usual;
}

/**
 * The features of an ONNX model of images, whatever its outputs are. Of a model with a head that is not known images are prepared as for a
 * classifier.
 *
 * @param bytes The file.
 * @param layer The name of a value in it; undefined for what enters the head.
 * @param options As of `openModel`.
 * @throws DataError for a model that takes other than one RGB image; UsageError for a value that there is not; UnsupportedError where an operation up
 * to the layer is missing.
 */
export function onnxSource(
  bytes: Uint8Array,
  layer: string | undefined,
  { name: file = 'model', normalize, externalData }: OpenModelOptions,
): FeatureSource {
  const model = inFile(file, () => parseModel(bytes, externalData));
  const facts = { inputs: model.graph.inputs, metadata: model.metadata };
  const input = inputOf(file, facts);
  const whole = wholeOf(model);
  const usual = input.size ?? usualSize(facts);
  const head = headOf(model, whole, input, usual);
  const { fit, how } = preparationOf(facts, head, input.size, normalize);
  const normalization = how === 'imagenet' ? IMAGENET : undefined;
  const batch = input.batched ? [1] : [];
  const shape = [3, ...sizeOf(fit, usual)];
  const chosen = layer ?? defaultLayer(model, head, whole, { name: input.name, shape: [...batch, ...shape] });
  const part = inFile(file, () =>
    // The empty name is that of the model's own output.
    moduleOf(extracted('Embedder', model, [chosen === '' ? model.graph.outputs[0]!.name : chosen])),
  ).eval();
  return {
    layer: chosen === '' ? 'the model’s output' : chosen,
    channels: 'first',
    batches: input.many,
    usual: shape,
    prepare(image) {
      const prepared = preparedFor(image, fit);
      return { data: planarImage(prepared, normalization), shape: [3, prepared.height, prepared.width] };
    },
    features(images: Tensor) {
      const one = input.batched ? images : images.reshape(images.shape.slice(1));
      const [features] = Object.values(part.forward({ [input.name]: one })) as [Tensor];
      return input.batched ? features : features.reshape([1, ...features.shape]);
    },
  };
}
