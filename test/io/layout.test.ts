import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import type { State } from '../../src/graph/state.ts';
import {
  decodeSafetensors,
  encodeSafetensors,
  type FileTensor,
  loadWeights,
  readTorch,
  writeTorch,
} from '../../src/io/index.ts';
import { Conv2d, Linear, type Module, manualSeed } from '../../src/nn/index.ts';
import { exportOnnx, readOnnxWeights } from '../../src/onnx/index.ts';

const download = async ({ initial }: State) => initial;
const weightOf = async (module: Module): Promise<number[]> => [
  ...(await module.stateDict(download)).get('weight')!.data,
];

/** Modules whose weights have one shape in Fovea's layout and in PyTorch's. */
const SQUARE = [
  ['Linear', () => new Linear(4, 4), [1, 4]],
  ['Conv2d', () => new Conv2d(3, 3, 3), [1, 4, 4, 3]],
] as const;

describe.each(SQUARE)('%s whose weight has one shape in both layouts', (_, make, input) => {
  const made = (seed: number) => {
    manualSeed(seed);
    return make();
  };
  const module = made(1);

  it.each<[string, () => Promise<Parameters<Module['loadStateDict']>[0]>]>([
    ['a state dict', () => module.stateDict(download)],
    ['a state dict in PyTorch’s layout', () => module.stateDict(download, { layout: 'pytorch' })],
    ['a .pth', async () => loadWeights(writeTorch(await module.stateDict(download)))],
    [
      'a .pth of PyTorch’s layout',
      async () => readTorch(writeTorch(await module.stateDict(download, { layout: 'pytorch' })), 'x'),
    ],
    ['safetensors', async () => loadWeights(encodeSafetensors(await module.stateDict(download)))],
    [
      'the tensors of safetensors',
      async () => decodeSafetensors(encodeSafetensors(await module.stateDict(download)), 'x').tensors,
    ],
    [
      'safetensors in PyTorch’s layout',
      async () => loadWeights(encodeSafetensors(await module.stateDict(download, { layout: 'pytorch' }))),
    ],
    [
      'safetensors with format pt',
      async () => loadWeights(encodeSafetensors(await module.stateDict(download), { format: 'pt' })),
    ],
    ['ONNX', async () => readOnnxWeights(await exportOnnx(module as Linear | Conv2d, { x: input }))],
  ])('comes back the same from %s', async (_, weights) => {
    const other = made(2);
    expect(await weightOf(other)).not.toEqual(await weightOf(module));
    other.loadStateDict(await weights(), { strict: false });
    expect(await weightOf(other)).toEqual(await weightOf(module));
  });

  it('is not loaded from weights that do not say their layout', async () => {
    const { shape, data } = (await module.stateDict(download)).get('weight')!;
    const weights = new Map([['weight', { shape, data }]]);
    const load = (layout?: 'fovea' | 'pytorch') => {
      const other = made(2);
      other.loadStateDict(weights, { strict: false, ...(layout ? { layout } : {}) });
      return other;
    };
    expect(() => load()).toThrow(
      new UsageError(
        `state dict: weight is [${shape}] in Fovea’s layout and in PyTorch’s, and nothing tells which it is; pass layout: 'pytorch' or layout: 'fovea'`,
      ),
    );
    expect(await weightOf(load('fovea'))).toEqual(await weightOf(module));
    expect(await weightOf(load('pytorch'))).not.toEqual(await weightOf(module));
  });
});

describe('files in PyTorch’s layout', () => {
  const fovea = { dtype: 'f32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4), layout: 'fovea' } as const;
  const torch = { ...fovea, layout: 'pytorch' } as const;

  it('have the weights of a state dict as PyTorch stores them', async () => {
    const layer = new Linear(2, 3);
    layer.loadStateDict(
      new Map<string, FileTensor>([
        ['weight', { dtype: 'f32', shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
        ['bias', { dtype: 'f32', shape: [3], data: Float32Array.of(7, 8, 9) }],
      ]),
    );
    const entries = Object.fromEntries(await layer.stateDict(download));
    expect(entries.weight).toMatchObject({ shape: [2, 3], layout: 'fovea' });
    const { weight, bias } = Object.fromEntries(readTorch(writeTorch(entries), 'x').tensors);
    expect(weight).toEqual({ dtype: 'f32', shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) });
    expect(bias!.data).toEqual(Float32Array.of(7, 8, 9));
    const safe = decodeSafetensors(encodeSafetensors(entries, { format: 'pt' }), 'x');
    expect(safe.tensors.get('weight')).toEqual(weight);
    expect(safe.metadata).toEqual({ format: 'pt' });
  });

  it('are not written of weights whose order in PyTorch is not known', () => {
    const read = decodeSafetensors(encodeSafetensors({ fovea }), 'x').tensors;
    expect(read.get('fovea')).toEqual(fovea);
    const said =
      'tensor "fovea" is in Fovea’s layout, a file of PyTorch’s is not; load it into its model, and write model.stateDict(download, { layout: \'pytorch\' })';
    expect(() => writeTorch(read)).toThrow(new UsageError(`writeTorch: ${said}`));
    expect(() => encodeSafetensors(read, { format: 'pt' })).toThrow(
      new UsageError(`encodeSafetensors: ${said}`),
    );
    expect(() => writeTorch({ w: { ...fovea, layout: 'tf' as never } })).toThrow(UsageError);
  });

  it('are not mixed with Fovea’s', () => {
    expect(() => encodeSafetensors({ fovea, torch })).toThrow(
      new UsageError(
        'encodeSafetensors: tensor "torch" is in PyTorch’s layout, others are in Fovea’s; take all from stateDict with one layout',
      ),
    );
    expect(() => encodeSafetensors({ torch }, { 'fovea.model': '{}' })).toThrow(
      new UsageError(
        'encodeSafetensors: tensor "torch" is in PyTorch’s layout, the metadata tell Fovea’s; take all from stateDict with one layout',
      ),
    );
  });
});
