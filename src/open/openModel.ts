import { expectArguments } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { isOnnx } from '../io/otherFormats.ts';
import { expectOneOf, expectOptions } from '../options.ts';
import { ARCHITECTURES } from '../tasks/architectures.ts';
import { Classifier } from '../tasks/classifier.ts';
import { Detector, Segmenter } from '../tasks/infer.ts';
import { decodeModel, type TrainedModel } from '../tasks/modelFile.ts';
import { describeCrop } from '../tasks/preprocessing.ts';
import type { OpenedClassifier } from './classifier.ts';
import { classCount } from './classNames.ts';
import type { OpenedModel, OpenModelOptions } from './openedModel.ts';

const CFG = /^\s*(?:[#;][^\n]*\n\s*)*\[net(?:work)?\]/;

/** A model of Fovea's, opened. */
function opened(
  trained: TrainedModel,
  name: string,
  description: string,
  title: string = trained.name,
): OpenedModel {
  return {
    title,
    task: ARCHITECTURES[trained.name].task,
    classNames: trained.classNames,
    description,
    trained,
    detector: (gpu, options) => new Detector(gpu, trained, { name, ...options }),
    segmenter: (gpu, options) => new Segmenter(gpu, trained, { name, ...options }),
    classifier: (gpu, options) => new Classifier(gpu, trained, { name, ...options }),
  };
}

/** A classifier that others have trained. */
function openedClassifier({ title, builder, trained }: OpenedClassifier, name: string): OpenedModel {
  const origin = builder === undefined ? '' : 'torchvision ';
  const description = `${origin}${title}, a classifier of ${classCount(trained.classNames)}; images ${describeCrop(trained.preprocessing)}, normalised in the model`;
  return { ...opened(trained, name, description, title), builders: builder === undefined ? [] : [builder] };
}

/**
 * Opens a detector, segmenter or classifier of any origin, told by its content: a file of `fovea train`, an ONNX model with a head that is
 * known, Darknet's .cfg with its .weights, or torchvision's weights. Readers are loaded as they are needed.
 *
 * @param bytes The file.
 * @param options The name, the names of classes, and what the file itself does not say.
 * @throws UsageError for options that are for another kind of file; DataError for files that cannot be read or run: an ONNX model
 * with an unknown head with the names and shapes of its outputs.
 */
export async function openModel(bytes: Uint8Array, options: OpenModelOptions = {}): Promise<OpenedModel> {
  expectArguments('openModel', { bytes, options }, { bytes: 'bytes', options: 'object' });
  expectOptions('openModel', options, [
    'name',
    'names',
    'weights',
    'fit',
    'arch',
    'normalize',
    'externalData',
  ]);
  expectArguments(
    'openModel',
    { options },
    {
      options: {
        'name?': 'text',
        'names?': ['text'],
        'weights?': 'bytes',
        'arch?': 'text',
        'externalData?': 'function',
      },
    },
  );
  const { name = 'model', names, fit, normalize } = options;
  if (fit !== undefined) expectOneOf('openModel', 'fit', fit, ['letterbox', 'stretch']);
  if (normalize !== undefined) expectOneOf('openModel', 'normalize', normalize, ['imagenet', 'none']);
  const only = (kind: string, ...allowed: (keyof OpenModelOptions)[]) => {
    const stray = (['weights', 'names', 'fit', 'arch', 'normalize'] as const).find(
      (option) => options[option] !== undefined && !allowed.includes(option),
    );
    if (stray) throw new UsageError(`${name}: is ${kind}, which --${stray} is not for; leave it out`);
  };
  if (isOnnx(bytes)) {
    only('an ONNX model', 'names', 'normalize');
    const { openOnnx } = await import('./onnxModel.ts');
    return openOnnx(bytes, name, options);
  }
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 65536));
  if (CFG.test(start.slice(0, 4096))) {
    only("Darknet's .cfg", 'weights', 'names', 'fit');
    if (!options.weights) {
      throw new UsageError(`${name} describes a network without its weights; name their file (--weights)`);
    }
    const { fromDarknet } = await import('../tasks/darknetModel.ts');
    const cfg = new TextDecoder().decode(bytes);
    const files = { cfg, weights: options.weights, ...(names ? { names: names.join('\n') } : {}) };
    const trained = fromDarknet(files, { name, ...(fit ? { fit } : {}) });
    return opened(trained, name, `Darknet network, ${classCount(trained.classNames)}`);
  }
  if (start.includes('"fovea.model"') || start.includes('"fovea.checksum"')) {
    only('a model of Fovea with its weights and classes in it');
    const trained = decodeModel(bytes, name);
    return opened(trained, name, `${trained.name}, ${classCount(trained.classNames)}`);
  }
  only('a file of weights', 'names', 'arch');
  const { loadWeights } = await import('../io/loadWeights.ts');
  const weights = await loadWeights(bytes, { name });
  const { arch } = options;
  const { classifierIn } = await import('./classifier.ts');
  const classifier = classifierIn(weights, { ...(arch ? { arch } : {}), ...(names ? { names } : {}) });
  if (classifier) return openedClassifier(classifier, name);
  const { fromTorchvision } = await import('./pretrained.ts');
  const trained = fromTorchvision(weights, { ...(arch ? { arch } : {}), ...(names ? { names } : {}) });
  const how =
    'minSide' in trained.preprocessing
      ? 'with the shorter side of 520, normalised as ImageNet'
      : 'resized and normalised in the model';
  const { buildersFor } = await import('./builders.ts');
  const builders = arch === undefined ? buildersFor(trained.name, weights) : [arch];
  const title = builders[0] ?? trained.name;
  const description = `torchvision ${title}, ${classCount(trained.classNames)}; images ${how}`;
  return { ...opened(trained, name, description, title), builders };
}
