/** Small models that know nothing, as files, for tests of what runs models. */
import { encodeSafetensors, type StateDict } from '../../src/io/safetensors.ts';
import { SMALL_RESNET } from '../../src/models/resnet.ts';
import { RetinaNet } from '../../src/models/retinanet.ts';
import { UNet } from '../../src/models/unet.ts';
import { ARCHITECTURES } from '../../src/tasks/architectures.ts';
import { buildModel, metadataOf, type TrainedModel } from '../../src/tasks/modelFile.ts';
import { cropPreprocessing } from '../../src/tasks/preprocessing.ts';

async function fileOf(trained: TrainedModel): Promise<Uint8Array> {
  const weights = (await trained.model.stateDict(async (state) => state.initial)) as StateDict;
  return encodeSafetensors(weights, { 'fovea.model': JSON.stringify(metadataOf(trained)) });
}

/** A detector that is fairly sure of everything. */
export function detectorFile(classNames: readonly string[] = ['coin'], maxSide = 96): Promise<Uint8Array> {
  const backbone = { ...SMALL_RESNET, width: 4 };
  const model = new RetinaNet({ numClasses: classNames.length, backbone, pyramidWidth: 8, seed: 1 });
  model.head.classification_head.cls_logits.bias!.state.initial.fill(1);
  return fileOf({ name: 'retinanet', model, classNames, preprocessing: { maxSide } });
}

export function segmenterFile(classNames: readonly string[] = ['coin'], maxSide = 96): Promise<Uint8Array> {
  const model = new UNet({ numClasses: classNames.length + 1, width: 4, depth: 1, seed: 1 });
  return fileOf({ name: 'unet', model, classNames, preprocessing: { maxSide } });
}

export function classifierFile(classNames: readonly string[] = ['coin', 'note']): Promise<Uint8Array> {
  const { length } = classNames;
  const config = ARCHITECTURES['resnet-cifar'].defaultConfig({ numClasses: length, width: 8, cropSize: 32 });
  const model = buildModel('resnet-cifar', config, 1);
  return fileOf({ name: 'resnet-cifar', model, classNames, preprocessing: cropPreprocessing(32) });
}
