import { saveWeights } from '../../src/io/checkpoint.ts';
import type { StateDict } from '../../src/io/safetensors.ts';
import { SMALL_RESNET } from '../../src/models/resnet.ts';
import { RetinaNet } from '../../src/models/retinanet.ts';
import { metadataOf } from '../../src/tasks/modelFile.ts';

/** A small detector that knows nothing and is fairly sure of everything. */
export async function saveRandomDetector(file: string, maxSide = 192): Promise<void> {
  const backbone = { ...SMALL_RESNET, width: 4 };
  const model = new RetinaNet({ numClasses: 1, backbone, pyramidWidth: 8 });
  model.head.classification_head.cls_logits.bias!.state.initial.fill(1);
  const weights = await model.stateDict(async (state) => state.initial);
  const trained = {
    name: 'retinanet',
    model,
    classNames: ['coin'],
    preprocessing: { maxSide },
  } as const;
  await saveWeights(file, weights as StateDict, metadataOf(trained));
}
