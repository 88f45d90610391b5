import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as graph from '../../src/graph/index.ts';
import '../../src/graph/methods.ts';
import { Tensor } from '../../src/graph/tensor.ts';
import { kernels } from '../../src/kernels/ops.ts';
import { conformanceOps } from '../../src/verify/conformanceOps.ts';

// The places of a public function that no type asks for, of compositions too. Each test names the function and the file that
// lacks it; test/faults/inputs.test.ts asks for calls with wrong inputs, test/package/exports.test.ts for the name.

const root = join(import.meta.dirname, '../..');
const folder = 'src/graph/functions';
/** What several files of functions use and nobody else. */
const INTERNAL = ['operands.ts', 'reduction.ts'];

const files = readdirSync(join(root, folder)).filter((file) => !INTERNAL.includes(file));
const functions = new Map<string, { readonly file: string; readonly fn: unknown }>();
for (const file of files) {
  const exported: Readonly<Record<string, unknown>> = await import(join(root, folder, file));
  for (const [name, fn] of Object.entries(exported)) functions.set(name, { file: `${folder}/${file}`, fn });
}

const snakeCase = (name: string) =>
  name.replace(/[A-Z]+/g, (capitals, at) => `${at > 0 ? '_' : ''}${capitals.toLowerCase()}`);

/** Functions that PyTorch's tensors have no method for, or one of another meaning. */
const NOT_METHODS: readonly string[] = [
  // torch.nn.functional's.
  ...[
    'adaptiveAvgPool2d',
    'avgPool2d',
    'maxPool2d',
    'conv1d',
    'conv2d',
    'convTranspose2d',
    'linear',
    'interpolate',
  ],
  ...['batchNormEval', 'batchNormTrain', 'groupNorm', 'instanceNorm', 'layerNorm', 'localResponseNorm'],
  ...['gridSample', 'pixelShuffle', 'pixelUnshuffle', 'oneHot', 'scaledDotProductAttention'],
  ...[
    'hardsigmoid',
    'hardswish',
    'hardtanh',
    'leakyRelu',
    'logSigmoid',
    'mish',
    'prelu',
    'relu6',
    'softplus',
  ],
  ...['binaryCrossEntropyWithLogits', 'crossEntropy', 'diceLoss', 'l1Loss', 'mseLoss', 'smoothL1Loss'],
  ...['sigmoidFocalLoss', 'generalizedBoxIouLoss', 'distanceBoxIouLoss', 'completeBoxIouLoss'],
  // Of several tensors, or of none.
  ...['concat', 'stack', 'einsum', 'where', 'arange', 'eye', 'linspace', 'ones', 'onesLike', 'zerosLike'],
  ...['rand', 'randint', 'randn', 'randperm'],
  // torchvision's, OpenCV's, scikit-learn's and Fovea's.
  ...[
    'boxConvert',
    'boxDecode',
    'boxEncode',
    'boxIou',
    'clipBoxesToImage',
    'generalizedBoxIou',
    'matchAnchors',
  ],
  ...['batchedNms', 'nms', 'weightedBoxFusion', 'panopticMerge', 'pasteMasks', 'roiAlign', 'roiPool'],
  'heatmapsToKeypoints',
  ...['gaussianBlur', 'gaussianPyramid', 'laplacianPyramid', 'laplacianReconstruct', 'pyrDown', 'pyrUp'],
  ...['affine', 'cdist', 'cosineSimilarityMatrix', 'gatherRows', 'hammingDistance', 'silhouetteSamples'],
];

/** The names in conformance files of functions that PyTorch, torchvision, OpenCV or scikit-learn call something else; null for none. */
const CONFORMANCE: Readonly<Record<string, string | null>> = {
  detach: null,
  batchNormEval: 'batch_norm',
  batchNormTrain: 'batch_norm',
  equal: 'eq',
  notEqual: 'ne',
  greater: 'gt',
  greaterEqual: 'ge',
  less: 'lt',
  lessEqual: 'le',
  logSigmoid: 'logsigmoid',
  norm: 'vector_norm',
  variance: 'var',
  // Compared with values of OpenCV in test/graph/functions.test.ts: a pyramid is a list.
  ...{ gaussianPyramid: null, laplacianPyramid: null, laplacianReconstruct: null },
  // Lists of tensors.
  ...{ einsum: null, split: null, chunk: null },
  // Nothing but a shape or a dtype, or made of no tensor.
  ...{ transpose: null, expand: null, squeeze: null, unsqueeze: null, flatten: null, cast: null },
  ...{ ones: null, onesLike: null, zerosLike: null, arange: null, linspace: null, eye: null },
  // Their random numbers are their own.
  ...{ rand: null, randn: null, randint: null, randperm: null },
  // They have no such functions.
  ...{ affine: null, boxEncode: null, boxDecode: null, matchAnchors: null },
  ...{ weightedBoxFusion: null, pasteMasks: null, panopticMerge: null, heatmapsToKeypoints: null },
};

describe('a public function', () => {
  it('is exported by src/graph/index.ts', () => {
    const exported = new Set<unknown>(Object.values(graph));
    const missing = [...functions].filter(([, { fn }]) => !exported.has(fn));
    expect(
      missing.map(([name, { file }]) => `src/graph/index.ts does not export ${name}, which ${file} exports`),
    ).toEqual([]);
  });

  it('is a method of tensors, or decidedly none', () => {
    const missing = [...functions.keys()].filter(
      (name) => !(name in Tensor.prototype) && !NOT_METHODS.includes(name),
    );
    expect(
      missing.map(
        (name) =>
          `src/graph/methods.ts has no ${name}; if PyTorch's tensors neither, add it to NOT_METHODS here`,
      ),
    ).toEqual([]);
    const stale = NOT_METHODS.filter((name) => name in Tensor.prototype || !functions.has(name));
    expect(stale.map((name) => `NOT_METHODS here has ${name}, which is a method or no function`)).toEqual([]);
  });

  it('can be checked against files of conformance cases, or decidedly not', () => {
    const missing = [...functions.keys()].filter((name) => {
      const known = name in CONFORMANCE ? CONFORMANCE[name] : snakeCase(name);
      return known !== null && !conformanceOps.has(known!);
    });
    expect(
      missing.map(
        (name) =>
          `src/verify/conformanceOps.ts has no ${snakeCase(name)}; if it has another name or none there, add it to CONFORMANCE here`,
      ),
    ).toEqual([]);
    const stale = Object.keys(CONFORMANCE).filter((name) => !functions.has(name));
    expect(stale.map((name) => `CONFORMANCE here has ${name}, which is no function`)).toEqual([]);
  });

  it('that is made of others has a test of its values', () => {
    const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !/^(faults|package)/.test(file))
      .map((file) => readFileSync(join(root, 'test', file), 'utf8'))
      .join('\n');
    const values = new Set(
      readdirSync(join(root, 'test/fixtures/conformance')).map((file) => file.split('-')[0]),
    );
    const missing = [...functions].filter(([name]) => {
      if (snakeCase(name) in kernels || values.has(CONFORMANCE[name] ?? snakeCase(name))) return false;
      const imported = new RegExp(`import \\{[^}]*\\b${name}\\b[^}]*\\} from '[^']*/graph/`);
      return !new RegExp(`\\b${name}\\(`).test(tests) && !imported.test(tests);
    });
    expect(missing.map(([name, { file }]) => `no file of test/graph calls ${name} of ${file}`)).toEqual([]);
  });
});
