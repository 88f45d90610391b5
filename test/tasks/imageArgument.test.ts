import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectFloatImage } from '../../src/data/floatImage.ts';
import { type FloatImage, imageFromBytes } from '../../src/data/image.ts';
import { ShapeError } from '../../src/errors.ts';
import { resnet20 } from '../../src/models/cifarResnet.ts';
import { VisionTransformer } from '../../src/models/vit.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { attentionWeights } from '../../src/similarity/attention/weights.ts';
import { createEmbedder } from '../../src/similarity/embed/embedder.ts';
import { hypercolumns } from '../../src/similarity/hypercolumns/extractor.ts';
import { ARCHITECTURES, type ModelName } from '../../src/tasks/architectures.ts';
import { Classifier } from '../../src/tasks/classifier.ts';
import { Detector, Segmenter } from '../../src/tasks/infer.ts';
import { buildModel } from '../../src/tasks/modelFile.ts';
import { cropPreprocessing } from '../../src/tasks/preprocessing.ts';
import { sharedGpu } from '../sharedGpu.ts';

const size = { width: 6, height: 4 };
const bytes = new Uint8Array(6 * 4 * 3).fill(200);
const WAY =
  'give { width, height, channels: 3, data } with three floats in 0..1 a pixel, such as imageFromBytes(bytes, { width, height })';

/** What is given in place of an image, and what is said of it. */
const WRONG: readonly (readonly [given: unknown, problem: string])[] = [
  [{ ...size, channels: 3, data: bytes }, 'has data in a Uint8Array, not a Float32Array'],
  [{ ...size, channels: 3, data: Buffer.from(bytes) }, 'has data in a Buffer, not a Float32Array'],
  [
    { ...size, data: new Uint8ClampedArray(6 * 4 * 4) },
    'has data in a Uint8ClampedArray, not a Float32Array',
  ],
  [{ ...size, channels: 3, data: Array.from(bytes) }, 'has data in a list, not a Float32Array'],
  [Buffer.from('the bytes of a file'), 'is a Buffer without width, height and data'],
  ['photo.jpg', 'is "photo.jpg" without width, height and data'],
  [undefined, 'is undefined without width, height and data'],
  [{ ...size, channels: 3, data: new Float32Array(6 * 4 * 4) }, 'has 96 values for 6x4 pixels'],
  [{ width: 0, height: 0, channels: 3, data: new Float32Array(0) }, 'has 0 values for 0x0 pixels'],
];

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

it('an image of bytes, a file and other things are told from an image', () => {
  expect(() => expectFloatImage('detect', 'image', imageFromBytes(bytes, size))).not.toThrow();
  for (const [given, problem] of WRONG) {
    expect(() => expectFloatImage('detect', 'image', given as FloatImage)).toThrow(
      new ShapeError(`detect: image ${problem}; ${WAY}`),
    );
  }
});

it('whatever takes an image refuses them before it computes', async () => {
  const trained = (name: ModelName) => {
    const config = ARCHITECTURES[name].defaultConfig({ numClasses: 1, width: 8, cropSize: 32 });
    return {
      name,
      model: buildModel(name, config, 1).eval(),
      classNames: ['object'],
      preprocessing: { maxSide: 32 },
    } as never;
  };
  const detector = new Detector(gpu, trained('retinanet'));
  const segmenter = new Segmenter(gpu, trained('unet'));
  const classifier = new Classifier(gpu, trained('resnet-cifar'));
  const embedder = createEmbedder(gpu, {
    model: resnet20({ numClasses: 2 }).eval(),
    preprocessing: cropPreprocessing(32),
  });
  const transformer = new VisionTransformer({ numClasses: 2 });
  const calls: readonly [call: string, run: (image: FloatImage) => Promise<unknown>][] = [
    ['detect: image ', (image) => detector.detect(image)],
    ['segment: image ', (image) => segmenter.segment(image)],
    ['classify: image ', (image) => classifier.classify(image)],
    ['embed: image 0 ', (image) => embedder.embed([image])],
    ['attentionWeights: image ', (image) => attentionWeights(gpu, transformer, image)],
    [
      'HypercolumnExtractor: image ',
      (image) => hypercolumns(gpu, transformer, image, { layers: ['encoder.ln'] }),
    ],
  ];
  for (const [call, run] of calls) {
    // A list that holds what is no object is refused as a list.
    const some = call.startsWith('embed') ? WRONG.filter(([given]) => Object(given) === given) : WRONG;
    for (const [given, problem] of some) {
      await expect(run(given as FloatImage), call).rejects.toThrow(
        new ShapeError(`${call}${problem}; ${WAY}`),
      );
    }
  }
  detector.dispose();
  segmenter.dispose();
  classifier.dispose();
  embedder.dispose();
});
