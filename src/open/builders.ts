/** Which of torchvision's builders weights may be of. */
import type { LoadedWeights } from '../io/loadedWeights.ts';
import { RESNETS } from '../models/resnet.ts';
import type { ModelName } from '../tasks/architectures.ts';
import { backboneIn, titleOf, WeightShapes } from '../tasks/weightShapes.ts';

/** What torchvision calls a backbone that has its widths; undefined for another. */
function backboneName(shapes: WeightShapes): string | undefined {
  const backbone = backboneIn(shapes);
  if (!backbone) return undefined;
  if (backbone.kind === 'resnet') {
    const title = titleOf(backbone);
    return Object.hasOwn(RESNETS, title) ? title : undefined;
  }
  const { variant, widthMult, reducedTail } = backbone.config;
  return widthMult === undefined && !reducedTail ? `mobilenet_v3_${variant}` : undefined;
}

/**
 * torchvision's builders whose models have weights of these names and shapes. The first is what is assumed: those of the others differ in
 * sizes of images and numbers of proposals only. Empty for models that torchvision does not have, such as narrower ones.
 */
export function buildersFor(name: ModelName, weights: LoadedWeights): readonly string[] {
  const shapes = new WeightShapes(weights);
  if (name === 'ssdlite') {
    if (shapes.layer('backbone.features.0')?.out === 64) return ['ssd300_vgg16'];
    const last = shapes.layer('backbone.features.1.3.0')?.out;
    return last === 480 || last === 960 ? ['ssdlite320_mobilenet_v3_large'] : [];
  }
  const backbone = backboneName(shapes);
  if (backbone === undefined) return [];
  const mobile = backbone === 'mobilenet_v3_large';
  switch (name) {
    case 'fasterrcnn':
      if (mobile) {
        return ['fasterrcnn_mobilenet_v3_large_fpn', 'fasterrcnn_mobilenet_v3_large_320_fpn'];
      }
      return [`${shapes.hasPrefix('roi_heads.keypoint_') ? 'keypointrcnn' : name}_${backbone}_fpn`];
    case 'maskrcnn':
    case 'retinanet':
    case 'fcos':
      return mobile ? [] : [`${name}_${backbone}_fpn`];
    case 'fcn':
      return mobile ? [] : [`fcn_${backbone}`];
    case 'deeplabv3':
      return [`deeplabv3_${backbone}`];
    case 'lraspp':
      return mobile ? ['lraspp_mobilenet_v3_large'] : [];
    default:
      return [];
  }
}
