import { describe, expect, it } from 'vitest';
import { layerGroups } from '../../src/learn/groups.ts';
import { Conv2d, Linear } from '../../src/nn/layers.ts';
import { Module, Parameter } from '../../src/nn/module.ts';
import { architectureOf, MODEL_NAMES } from '../../src/tasks/architectures.ts';
import type { TaskModel } from '../../src/tasks/step.ts';

/** Parts that pretrained weights have: torchvision's backbones, and whole classifiers without their last layer. */
const BODY = {
  retinanet: /^backbone\./,
  fcos: /^backbone\./,
  ssdlite: /^backbone\./,
  fasterrcnn: /^backbone\./,
  maskrcnn: /^backbone\./,
  panopticfpn: /^backbone\./,
  // Layers before the first yolo layer that another number of classes does not change.
  yolov3: /^layers\.([0-9]|[1-6][0-9]|7[0-4])\./,
  'yolov3-tiny': /^layers\.([0-9]|1[01])\./,
  'yolo-fastest': /^layers\.([0-9]|[1-9][0-9]|10[0-9]|11[0-4])\./,
  unet: /^(down|up|merge)\./,
  'dynamic-unet': /^encoder\./,
  fcn: /^backbone\./,
  deeplabv3: /^backbone\./,
  lraspp: /^backbone\./,
  vit: /^(class_token$|conv_proj\.|encoder\.)/,
  resnet: /^(conv1|bn1|layer[1-4])\./,
  'resnet-cifar': /^(conv1|bn1|layer[1-3])\./,
  'mobilenet-v2': /^features\./,
  'mobilenet-v3': /^features\./,
  efficientnet: /^features\./,
  vgg: /^features\./,
  'vit-classifier': /^(class_token$|conv_proj\.|encoder\.)/,
} as const;

const groupsOf = (model: Module) => {
  const names = new Map([...model.namedParameters()].map(([name, parameter]) => [parameter, name]));
  return layerGroups(model).map(
    ({ name, parameters }) => [name, parameters.map((p) => names.get(p)!)] as const,
  );
};

describe('layer groups', () => {
  it.each(MODEL_NAMES)('of a %s are two halves of what pretrained weights have, and the rest', (name) => {
    const architecture = architectureOf(name);
    const build = (numClasses: number): TaskModel =>
      architecture.build(architecture.defaultConfig({ numClasses, cropSize: 64 }), 0);
    const model = build(3);
    const groups = groupsOf(model);
    expect(groups.map(([group]) => group)).toEqual(['body.0', 'body.1', 'head']);
    const all = groups.flatMap(([, names]) => names);
    expect(new Set(all).size).toBe(all.length);
    expect(all).toHaveLength(model.parameters().length);

    const [early, late, head] = groups.map(([, names]) => names) as [string[], string[], string[]];
    for (const parameter of [...early, ...late]) expect(parameter).toMatch(BODY[name]);
    for (const parameter of head) expect(parameter).not.toMatch(BODY[name]);
    // The first parameters are those next to the image.
    expect(early).toContain([...model.namedParameters()][0]![0]);

    // What has the number of classes is new to weights of others.
    const shapes = new Map(
      [...build(7).namedParameters()].map(([own, { state }]) => [own, `${state.spec.shape}`]),
    );
    const classes = [...model.namedParameters()].filter(
      ([own, { state }]) => shapes.get(own) !== `${state.spec.shape}`,
    );
    expect(classes.length).toBeGreaterThan(0);
    for (const [own] of classes) expect(head).toContain(own);
  });

  it('of a vision transformer halve the layers of the encoder', () => {
    const architecture = architectureOf('vit-classifier');
    const model = architecture.build(architecture.defaultConfig({ numClasses: 3, cropSize: 64 }), 0);
    const [[, early], [, late], [, head]] = groupsOf(model) as [
      readonly [string, string[]],
      readonly [string, string[]],
      readonly [string, string[]],
    ];
    const blocks = (names: string[]) => [
      ...new Set(names.flatMap((name) => /encoder_layer_(\d+)/.exec(name)?.[1] ?? [])),
    ];
    expect(blocks(early)).toEqual(['0', '1']);
    expect(blocks(late)).toEqual(['2', '3']);
    expect(early.slice(0, 4)).toEqual([
      'class_token',
      'conv_proj.weight',
      'conv_proj.bias',
      'encoder.pos_embedding',
    ]);
    expect(late.slice(-2)).toEqual(['encoder.ln.weight', 'encoder.ln.bias']);
    expect(head).toEqual(['heads.head.weight', 'heads.head.bias']);
  });

  it('of a model with fields before its body have them in the first', () => {
    class Stemmed extends Module {
      token = new Parameter([2], [0, 0]);
      stem = new Conv2d(3, 2, 1);
      encoder = [new Conv2d(2, 2, 1), new Conv2d(2, 2, 1)];
      pool = new Linear(2, 2);
      fc = new Linear(2, 2);
    }
    expect(groupsOf(new Stemmed())).toEqual([
      ['body.0', ['token', 'stem.weight', 'stem.bias', 'encoder.0.weight', 'encoder.0.bias']],
      ['body.1', ['encoder.1.weight', 'encoder.1.bias']],
      ['head', ['pool.weight', 'pool.bias', 'fc.weight', 'fc.bias']],
    ]);
  });
});
