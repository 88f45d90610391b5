import { ShapeError } from '../../errors.ts';
import { slice } from '../../graph/functions/shape.ts';
import { Tensor, zeros } from '../../graph/tensor.ts';
import { ViTSegmenter } from '../../models/vit.ts';
import { YOLO } from '../../models/yolo.ts';
import { createFeatureExtractor } from '../../nn/featureExtractor.ts';
import type { Module } from '../../nn/module.ts';
import { architectureOf } from '../../tasks/architectures.ts';
import type { TrainedModel } from '../../tasks/modelFile.ts';
import { prepareImage } from '../../tasks/prepare.ts';
import type { Preprocessing } from '../../tasks/preprocessing.ts';
import { headInput } from './headInput.ts';
import type { FeatureSource } from './source.ts';

/** A model that embeds images: one that was trained or opened, or any module that takes images [N,H,W,3] in 0..1. */
export interface EmbeddingModel {
  /** The model. */
  readonly model: Module;
  /** How images are prepared for it, such as `cropPreprocessing(224)`. */
  readonly preprocessing: Preprocessing;
  /** The name of its architecture, which says of what the sides of images must be multiples. Default: any size does. */
  readonly name?: TrainedModel['name'];
}

/** Layers that give the last map of a detector's or a segmenter's backbone, by the names that models here have; the first that there is. */
const BACKBONES = [
  'backbone.body.layer4',
  'backbone.layer4',
  'encoder.layer4',
  // Those of MobileNetV3, of which the heads take several.
  'backbone.body.0',
  'backbone.0',
  // Those of SSD: of the backbone itself, not of the maps beyond it, which are made for its boxes.
  'backbone.features.1',
  'backbone.extra.0',
  // A vision transformer's tokens, and the bottom of a U-Net.
  'encoder.ln',
  'down',
] as const;

/** What is said of features that no module inside gives. */
const OUTPUT = 'the model’s output';

/** The side of an image of which the shapes are found out, where the preprocessing names none. */
const USUAL_SIDE = 224;

/** The layer that gives the last map of a detector's or a segmenter's backbone; undefined for other models. */
function backboneIn(model: Module): string | undefined {
  if (!('losses' in model) && !('detect' in model)) return undefined;
  const names = [...model.namedModules()].map(([name]) => name);
  const found = BACKBONES.find((layer) =>
    names.some((name) => name === layer || name.startsWith(`${layer}.`)),
  );
  if (!found?.endsWith('.0') || found === 'backbone.extra.0') return found;
  const list = found.slice(0, -1);
  return names.findLast((name) => name.startsWith(list) && !name.slice(list.length).includes('.'));
}

/** The features of an image that a detector resizes itself, which takes images in a list. */
const listed = (images: Tensor): Tensor[] =>
  Array.from({ length: images.shape[0]! }, (_, i) =>
    slice(images, [[i, i + 1]]).reshape(images.shape.slice(1)),
  );

/** The usual shape of an image, of which the sides are multiples of a number: that of a tile, where images are cut into some. */
function usualShape(
  preprocessing: Preprocessing,
  multiple: number,
  tiled: boolean,
): readonly [number, number, 3] {
  if ('size' in preprocessing) return [...preprocessing.size, 3];
  if ('cropSize' in preprocessing) return [preprocessing.cropSize, preprocessing.cropSize, 3];
  const side = tiled ? multiple : Math.ceil(USUAL_SIDE / multiple) * multiple;
  return [side, side, 3];
}

/** The features of a module. `layer`: the name of one in it; undefined for what enters its head. */
export function moduleSource(
  { model, preprocessing, name }: EmbeddingModel,
  layer: string | undefined,
): FeatureSource {
  const multiple =
    name === undefined ? 1 : architectureOf(name).sizeMultiple((model as TrainedModel['model']).config);
  const own = model as Module & { forward(images: Tensor | readonly Tensor[]): unknown };
  const inputOf = (images: Tensor) => ('resize' in preprocessing ? listed(images) : images);
  // Of Darknet's layers, those that join or repeat others are no modules.
  const inCfg = model instanceof YOLO ? /^layers\.(\d+)$/.exec(layer ?? '')?.[1] : undefined;
  const asked = layer ?? backboneIn(model);
  const extract =
    asked && inCfg === undefined ? createFeatureExtractor(model, { [asked]: 'features' }) : undefined;
  const record = (images: Tensor): { features: Tensor; label: string } => {
    if (model instanceof YOLO && (layer === undefined || inCfg !== undefined)) {
      const { map, layer: at } = model.features(images, inCfg === undefined ? {} : { layer: Number(inCfg) });
      return { features: map, label: `layers.${at}` };
    }
    if (extract) return { features: extract(inputOf(images)).features!, label: asked! };
    const run = () => own.forward(inputOf(images));
    const { features, head } = asked === '' ? { features: run() } : headInput(model, run);
    if (!(features instanceof Tensor)) {
      throw new ShapeError(
        `Embedder: ${model.constructor.name} gives several results; name the layer that embeds`,
      );
    }
    return { features, label: head === undefined ? OUTPUT : `what enters ${head}` };
  };
  const tiled = model instanceof ViTSegmenter;
  const usual = usualShape(preprocessing, multiple, tiled);
  return {
    layer: record(zeros([1, ...usual])).label,
    channels: 'last',
    batches: true,
    tiled,
    usual,
    prepare(image) {
      const { data, height, width } = prepareImage(image, preprocessing, multiple);
      return { data, shape: [height, width, 3] };
    },
    features: (images) => record(images).features,
  };
}
