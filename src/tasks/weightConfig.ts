import * as v from 'valibot';
import { expectArguments } from '../arguments.ts';
import { DataError, UsageError } from '../errors.ts';
import type { LoadedWeights } from '../io/loadedWeights.ts';
import { deeplabv3 } from '../models/deeplab.ts';
import { dynamicUNetConfig } from '../models/dynamicUnet.ts';
import { type FasterRCNNOptions, fasterrcnn } from '../models/fasterRcnn.ts';
import { fcn } from '../models/fcn.ts';
import { fcos } from '../models/fcos.ts';
import { lraspp } from '../models/lraspp.ts';
import { maskrcnn } from '../models/maskRcnn.ts';
import { panopticFpn } from '../models/panopticFpn.ts';
import type { ResNetConfig } from '../models/resnet.ts';
import { retinanet } from '../models/retinanet.ts';
import { type SSDConfig, ssd300, ssdlite320 } from '../models/ssd.ts';
import { ARCHITECTURES, type ModelName } from './architectures.ts';
import { classifierConfig, vitIn } from './classifierWeights.ts';
import { CONFIG_SCHEMAS } from './configSchemas.ts';
import { darknetConfig, darknetIn } from './darknetStart.ts';
import { type Backbone, backboneIn, titleOf, WeightShapes } from './weightShapes.ts';

/** The description of the model that is in a file of Fovea, or in a checkpoint of a training. */
export function ownDescription({
  other,
  source,
}: LoadedWeights): { name: ModelName; config: unknown } | undefined {
  const parsed = (key: string): unknown => {
    const text = other.get(key);
    try {
      return typeof text === 'string' ? JSON.parse(text) : undefined;
    } catch {
      return undefined;
    }
  };
  const model = parsed('fovea.model') as { architecture?: unknown; config?: unknown } | undefined;
  const progress = parsed('fovea.progress') as
    | { settings?: { model?: unknown; config?: unknown } }
    | undefined;
  const name = model?.architecture ?? progress?.settings?.model;
  if (typeof name !== 'string' || !Object.hasOwn(ARCHITECTURES, name)) return undefined;
  const config = model?.config ?? progress?.settings?.config;
  const checked = v.safeParse(CONFIG_SCHEMAS[name as ModelName], config);
  if (checked.success) return { name: name as ModelName, config: checked.output };
  throw new DataError(
    `${source}: the configuration of its model: ${checked.issues[0].message}; export the weights again`,
  );
}

/** The side of the images that a classifier of Fovea was trained on; undefined for others. */
export function ownCropSize({ other }: LoadedWeights): number | undefined {
  const text = other.get('fovea.model');
  if (typeof text !== 'string') return undefined;
  // The description was read before, when the configuration was told.
  const { cropSize } = Object((Object(JSON.parse(text)) as { preprocessing?: unknown }).preprocessing);
  return Number.isSafeInteger(cropSize) && cropSize > 0 ? cropSize : undefined;
}

/** The configuration of a network of Darknet for another number of classes: each head, and the convolution before it. */
function darknetClasses(cfg: string, numClasses: number): string {
  const sections = cfg.split(/^(?=[ \t]*\[)/m);
  return sections
    .map((section, i) => {
      const head = /^\s*\[yolo\]/.test(section) ? section : undefined;
      const next = /^\s*\[yolo\]/.test(sections[i + 1] ?? '') ? sections[i + 1]! : undefined;
      if (head) return head.replace(/^(\s*classes\s*=\s*)\d+/m, `$1${numClasses}`);
      const anchors = next && /^\s*mask\s*=\s*([\d ,]+)/m.exec(next)?.[1]?.split(',').length;
      return anchors
        ? section.replace(/^(\s*filters\s*=\s*)\d+/m, `$1${anchors * (numClasses + 5)}`)
        : section;
    })
    .join('');
}

/** The same configuration for another number of classes, without the background. */
export function withClasses(name: ModelName, config: unknown, numClasses: number): unknown {
  const own = config as { cfg?: string };
  if (own.cfg !== undefined) return { ...own, cfg: darknetClasses(own.cfg, numClasses) };
  return { ...own, numClasses: ARCHITECTURES[name].task === 'segment' ? numClasses + 1 : numClasses };
}

/** What the shapes of a state dict say of the parts around the backbone. Undefined: as torchvision has it. */
function partsIn(shapes: WeightShapes) {
  const pyramid = shapes.layer('backbone.fpn.layer_blocks.0.0');
  const head = shapes.layer('head.classification_head.cls_logits');
  const fc = shapes.layer('roi_heads.box_head.fc6');
  const mask = shapes.layer('roi_heads.mask_head.0.0');
  const anchored = shapes.layer('rpn.head.cls_logits');
  const width = pyramid?.out;
  const depth = (name: string) => shapes.count((i) => `${name}.${i}.0`) || undefined;
  // FCOS counts layers, RetinaNet blocks of them.
  const fcosDepth = shapes.count((i) => `head.classification_head.conv.${3 * i}`);
  const dense = {
    ...(width === undefined ? {} : { pyramidWidth: width }),
    ...(head && !shapes.has('backbone.fpn.extra_blocks.p7.weight')
      ? {
          extraLevels: shapes.has('backbone.fpn.extra_blocks.p6.weight')
            ? ('p6' as const)
            : ('none' as const),
        }
      : {}),
  };
  const rpnDepth = depth('rpn.head.conv');
  const resolution = fc && width ? Math.round(Math.sqrt(fc.in / width)) : 7;
  const rcnn: Omit<FasterRCNNOptions, 'numClasses'> = {
    ...(width === undefined ? {} : { pyramidWidth: width }),
    rpn: anchored && rpnDepth ? { headDepth: rpnDepth } : {},
    box: fc ? { width: fc.out, resolution } : {},
  };
  const headDepth = depth('head.classification_head.conv');
  return {
    retinanet: {
      ...dense,
      ...(head && headDepth ? { headDepth } : {}),
      ...(shapes.has('head.classification_head.conv.0.1.weight') ? { headNorm: 'group' as const } : {}),
    },
    fcos: { ...dense, ...(head && fcosDepth ? { headDepth: fcosDepth } : {}) },
    rcnn,
    mask: mask ? { width: mask.out, depth: shapes.count((i) => `roi_heads.mask_head.${i}.0`) } : {},
    auxiliary: shapes.hasPrefix('aux_classifier.'),
    deeplab: shapes.layer('classifier.0.convs.0.0')?.out,
    lraspp: shapes.layer('classifier.cbr.0')?.out,
  };
}

/** The heads of an SSD, one per map. */
const SSD_HEADS = 'head.classification_head.module_list.';

/** torchvision's ssd300_vgg16 or ssdlite320_mobilenet_v3_large, of any width. Undefined where the weights are neither. */
function ssdIn(shapes: WeightShapes, numClasses: number): SSDConfig | undefined {
  if (!shapes.hasPrefix(SSD_HEADS)) return undefined;
  const vgg = shapes.layer('backbone.features.0');
  if (vgg)
    return ssd300({ numClasses, ...(vgg.out === 64 ? {} : { backbone: { width: vgg.out } }), seed: 0 })
      .config;
  const last = shapes.layer('backbone.features.1.3.0');
  const extra = shapes.layer('backbone.extra.0.2.0');
  const large = shapes.layer('backbone.features.0.13.0');
  // The first map is that of the expansion in the last stage's first block.
  const expansion = large ?? shapes.layer('backbone.features.0.9.0');
  if (!last || !extra || !expansion) return undefined;
  const { config } = ssdlite320({ numClasses, seed: 0 });
  // torchvision halves the tail unless the backbone was trained before.
  const reducedTail = last.in <= expansion.in;
  const widthMult = (last.out * (reducedTail ? 2 : 1)) / (large ? 960 : 576);
  const extraWidthMult = extra.out / 512;
  return {
    ...config,
    backbone: {
      ...config.backbone,
      variant: large ? 'large' : 'small',
      reducedTail,
      ...(widthMult === 1 ? {} : { widthMult }),
      ...(extraWidthMult === 1 ? {} : { extraWidthMult }),
    },
  };
}

/** The configuration of a segmenter of a vision transformer. */
function segmentingVit(shapes: WeightShapes, weights: LoadedWeights, numClasses: number) {
  const config = vitIn(shapes, weights, numClasses + 1);
  return config && { ...config, dice: true };
}

/** Which models take which backbones. */
const ON_MOBILENET: readonly ModelName[] = ['fasterrcnn', 'maskrcnn', 'deeplabv3', 'lraspp'];

/** Builds the configuration of torchvision's model around a backbone. */
function around(name: ModelName, backbone: Backbone, shapes: WeightShapes, numClasses: number): unknown {
  const parts = partsIn(shapes);
  const kept = backbone.config.norm === 'group' ? {} : { norm: 'frozen' as const };
  // A seed of its own leaves the default generator as it is; no weights are drawn.
  const classes = { numClasses, ...parts.rcnn, seed: 0 };
  const segmenter = { dice: true, numClasses: numClasses + 1, seed: 0 };
  if (backbone.kind === 'mobilenet') {
    const { config } = backbone;
    // torchvision's FrozenBatchNorm2d has an eps of 1e-5 there too.
    const frozen = { ...config, norm: 'frozen' as const, batchNorm: { eps: 1e-5 } };
    if (name === 'fasterrcnn') return fasterrcnn(frozen, classes).config;
    if (name === 'deeplabv3') {
      const width = parts.deeplab === undefined ? {} : { width: parts.deeplab };
      return deeplabv3({ ...config, dilated: true }, { ...segmenter, ...width, auxiliary: parts.auxiliary })
        .config;
    }
    if (name === 'lraspp') {
      const width = parts.lraspp === undefined ? {} : { width: parts.lraspp };
      return lraspp({ backbone: { ...config, dilated: true }, ...segmenter, ...width }).config;
    }
    return undefined;
  }
  const frozen: ResNetConfig = { ...backbone.config, ...kept };
  const dilated: ResNetConfig = { ...backbone.config, dilated: [false, true, true] };
  switch (name) {
    case 'retinanet':
      return retinanet(frozen, { numClasses, seed: 0, ...parts.retinanet }).config;
    case 'fcos':
      return fcos(frozen, { numClasses, seed: 0, ...parts.fcos }).config;
    case 'fasterrcnn':
      return fasterrcnn(frozen, classes).config;
    case 'maskrcnn':
      return maskrcnn(frozen, { ...classes, mask: parts.mask }).config;
    case 'panopticfpn':
      return panopticFpn(frozen, { ...classes, numStuff: 1, mask: parts.mask }).config;
    case 'fcn':
      return fcn(dilated, { ...segmenter, auxiliary: parts.auxiliary }).config;
    case 'deeplabv3': {
      const width = parts.deeplab === undefined ? {} : { width: parts.deeplab };
      return deeplabv3(dilated, { ...segmenter, ...width, auxiliary: parts.auxiliary }).config;
    }
    case 'dynamic-unet':
      return dynamicUNetConfig({ ...segmenter, backbone: backbone.config });
    default:
      return undefined;
  }
}

/**
 * Derives the configuration of an architecture from weights, so that as many of them as possible fit: a file of Fovea says it;
 * of others the shapes say how wide and deep the backbone is, and the heads where they are those of this architecture. What the
 * weights do not say is torchvision's. Undefined where nothing of it can be told.
 *
 * @param name The architecture.
 * @param weights What `loadWeights` gave.
 * @param numClasses Classes, without the background.
 * @throws DataError for Darknet's weights whose length does not fit the architecture; UsageError for a backbone that the architecture cannot have.
 */
export function configFromWeights(name: ModelName, weights: LoadedWeights, numClasses: number): unknown {
  expectArguments('configFromWeights', { weights }, { weights: { tensors: 'map', other: 'map' } });
  if (weights.format === 'darknet') return darknetConfig(name, weights, numClasses);
  const own = ownDescription(weights);
  if (own?.name === name) return withClasses(name, own.config, numClasses);
  if (ARCHITECTURES[name].task === 'classify') return classifierConfig(name, weights, numClasses);
  const shapes = new WeightShapes(weights);
  const whole =
    name === 'vit'
      ? segmentingVit(shapes, weights, numClasses)
      : name === 'ssdlite'
        ? ssdIn(shapes, numClasses)
        : undefined;
  if (whole) return whole;
  const backbone = backboneIn(shapes);
  if (!backbone) return undefined;
  if (backbone.kind === 'mobilenet' && !ON_MOBILENET.includes(name)) {
    throw new UsageError(
      `${weights.source}: has a ${titleOf(backbone)}, which ${name} cannot have as its backbone; train ${ON_MOBILENET.join(', ')} from it`,
    );
  }
  return around(name, backbone, shapes, numClasses);
}

/** The architecture of a whole detector or segmenter whose weights these are; undefined for a classifier and for others. Throws DataError for Darknet's weights of another network than there is. */
export function architectureIn(weights: LoadedWeights): ModelName | undefined {
  expectArguments('architectureIn', { weights }, { weights: { tensors: 'map', other: 'map' } });
  if (weights.format === 'darknet') return darknetIn(weights);
  const own = ownDescription(weights);
  if (own) return own.name;
  const shapes = new WeightShapes(weights);
  if (shapes.hasPrefix(SSD_HEADS)) return 'ssdlite';
  if (!backboneIn(shapes)) return undefined;
  const MARKS: readonly (readonly [string, ModelName])[] = [
    ['roi_heads.mask_predictor.', 'maskrcnn'],
    ['roi_heads.keypoint_predictor.', 'fasterrcnn'],
    ['roi_heads.box_predictor.', 'fasterrcnn'],
    ['head.regression_head.bbox_ctrness.', 'fcos'],
    ['head.classification_head.cls_logits.', 'retinanet'],
    ['classifier.0.convs.', 'deeplabv3'],
    ['classifier.low_classifier.', 'lraspp'],
    ['classifier.4.', 'fcn'],
  ];
  return MARKS.find(([prefix]) => shapes.hasPrefix(prefix))?.[1];
}
