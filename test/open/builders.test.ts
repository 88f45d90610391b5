import { describe, expect, it } from 'vitest';
import type { LoadedWeights } from '../../src/io/loadedWeights.ts';
import { torchvisionModel } from '../../src/models/torchvision.ts';
import type { Module } from '../../src/nn/module.ts';
import { buildersFor } from '../../src/open/builders.ts';
import { architectureOf } from '../../src/tasks/architectures.ts';
import { buildModel } from '../../src/tasks/modelFile.ts';
import { architectureIn } from '../../src/tasks/weightConfig.ts';

/** The names and shapes of a model, as weights without values. */
const weightsOf = (model: Module): LoadedWeights => ({
  format: 'safetensors',
  source: 'x',
  layout: 'fovea',
  tensors: new Map(
    model
      .namedStates()
      .map(([name, { spec }]) => [name, { dtype: 'f32', shape: spec.shape, data: new Float32Array() }]),
  ),
  other: new Map(),
  notes: [],
});
const buildersIn = (weights: LoadedWeights) => buildersFor(architectureIn(weights)!, weights);

describe('the builder of torchvision that weights are of', () => {
  it.each([
    'retinanet_resnet50_fpn',
    'retinanet_resnet18_fpn',
    'fcos_resnet50_fpn',
    'fasterrcnn_resnet50_fpn',
    'fasterrcnn_resnext50_32x4d_fpn',
    'maskrcnn_resnet50_fpn',
    'keypointrcnn_resnet50_fpn',
    'ssd300_vgg16',
    'ssdlite320_mobilenet_v3_large',
    'fcn_resnet50',
    'deeplabv3_resnet101',
    'deeplabv3_mobilenet_v3_large',
    'lraspp_mobilenet_v3_large',
  ])('is told by names and shapes: %s', (builder) => {
    expect(buildersIn(weightsOf(torchvisionModel(builder).model))).toEqual([builder]);
  });

  it.each([
    'fasterrcnn_mobilenet_v3_large_fpn',
    'fasterrcnn_mobilenet_v3_large_320_fpn',
  ])('may be one of two: %s', (builder) => {
    expect(buildersIn(weightsOf(torchvisionModel(builder).model))).toEqual([
      'fasterrcnn_mobilenet_v3_large_fpn',
      'fasterrcnn_mobilenet_v3_large_320_fpn',
    ]);
  });

  it('is none of narrower models', () => {
    for (const name of ['retinanet', 'fasterrcnn', 'fcn', 'ssdlite'] as const) {
      const config = architectureOf(name).defaultConfig({ numClasses: 2, width: 8, cropSize: 64 });
      const weights = weightsOf(buildModel(name, config, 0));
      expect(buildersFor(name, weights)).toEqual([]);
    }
  });
});
