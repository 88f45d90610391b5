import { describe, expect, it } from 'vitest';
import { DataError, ShapeError, StateDictError, UsageError } from '../../src/errors.ts';
import {
  decodeSafetensors,
  encodeSafetensors,
  type FileTensor,
  loadWeights,
  writeTorch,
} from '../../src/io/index.ts';
import { BatchNorm2d, Buffer, Conv2d, Linear, Module, Sequential } from '../../src/nn/index.ts';

/** The module that test/fixtures/torch_files.py saves. */
class Mixed extends Module {
  readonly conv = new Conv2d(3, 4, 3);
  readonly norm = new BatchNorm2d(4);
  readonly tied: readonly [Linear, Linear];
  readonly kept = new Buffer([3], new Float32Array(3));

  constructor(classes = 2) {
    super();
    this.tied = [new Linear(2, 2), new Linear(2, classes)];
  }
}

const FILES = new URL('../fixtures/torch_files/', import.meta.url).pathname;
const valuesOf = (module: Module) => module.stateDict(async ({ initial }) => initial);
const f32 = (shape: number[], ...values: number[]): FileTensor => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from(values),
});

describe('loadStateDict', () => {
  it.each([
    'checkpoint.pth',
    'module.pth',
    'module_legacy.pth',
  ])('takes the weights of %s in one call', async (file) => {
    const weights = await loadWeights(FILES + file);
    const model = new Mixed();
    const report = model.loadStateDict(weights);
    expect(report.matched).toEqual(model.namedStates().map(([name]) => name));
    expect({ ...report, matched: [] }).toEqual({ matched: [], missing: [], unexpected: [], mismatched: [] });
    const values = await valuesOf(model);
    const { data } = weights.tensors.get('conv.weight')!;
    // [O,I,y,x] there, [y,x,I,O] here: output 1, input 2, row 0, column 1.
    expect(values.get('conv.weight')!.data[((0 * 3 + 1) * 3 + 2) * 4 + 1]).toBe(data[(1 * 3 + 2) * 9 + 1]);
    // i64 there.
    expect([...values.get('kept')!.data]).toEqual([0, 1, 2]);
  });

  it('finds the layout by the shapes where the weights do not say', async () => {
    const { tensors } = await loadWeights(`${FILES}module.pth`);
    const [asked, found] = [new Mixed(), new Mixed()];
    asked.loadStateDict(tensors, { layout: 'pytorch' });
    found.loadStateDict(tensors);
    expect(await valuesOf(found)).toEqual(await valuesOf(asked));
    const own = await valuesOf(found);
    const again = new Mixed();
    again.loadStateDict(own);
    expect(await valuesOf(again)).toEqual(own);
  });

  it('leaves a new head as it is, and lists it', async () => {
    const weights = await loadWeights(`${FILES}module.pth`);
    const model = new Mixed(5);
    const fresh = [...(await valuesOf(model)).get('tied.1.weight')!.data];
    expect(() => model.loadStateDict(weights)).toThrow(ShapeError);
    const report = model.loadStateDict(weights, { skipMismatched: true });
    expect(report.mismatched).toEqual([
      { name: 'tied.1.weight', given: [2, 2], wanted: [5, 2] },
      { name: 'tied.1.bias', given: [2], wanted: [5] },
    ]);
    expect(report.matched).not.toContain('tied.1.weight');
    expect([...(await valuesOf(model)).get('tied.1.weight')!.data]).toEqual(fresh);
  });

  it('is strict unless told otherwise, and renames', async () => {
    const tensors = new Map([
      ['net.weight', f32([2, 3], 1, 2, 3, 4, 5, 6)],
      ['net.more', f32([1], 1)],
    ]);
    const rename = (name: string) => name.replace(/^net\./, '');
    const layer = new Linear(3, 2);
    expect(() => layer.loadStateDict(tensors, { rename })).toThrow(StateDictError);
    expect(() => layer.loadStateDict(tensors, { rename })).toThrow(
      'state dict: these weights belong to another architecture; missing keys: bias; unexpected keys: more',
    );
    expect(layer.loadStateDict(tensors, { rename, strict: false, layout: 'pytorch' })).toEqual({
      matched: ['weight'],
      missing: ['bias'],
      unexpected: ['more'],
      mismatched: [],
    });
    expect([...(await valuesOf(layer)).get('weight')!.data]).toEqual([1, 4, 2, 5, 3, 6]);
    // Undefined leaves a tensor out.
    const only = (name: string) => (name === 'net.weight' ? 'weight' : undefined);
    expect(layer.loadStateDict(tensors, { rename: only, strict: false }).unexpected).toEqual([]);
    expect(() => layer.loadStateDict(tensors, { rename: () => 'weight' })).toThrow(UsageError);
    expect(() => layer.loadStateDict({} as never)).toThrow(
      /takes a Map of tensors by name, or what loadWeights/,
    );
  });

  it('says of a head for other classes what to do', async () => {
    const load = (wide: number, classes: number, layout: 'fovea' | 'pytorch') => async () => {
      const net = (width: number, count: number) =>
        new Sequential(new Linear(4, width), new Linear(width, count));
      net(3, 7).loadStateDict(await net(wide, classes).stateDict(async ({ initial }) => initial, { layout }));
    };
    const head =
      'only outputs differ, as in a head for other classes: build the model with the numClasses of the weights, or pass skipMismatched: true to begin the head anew';
    await expect(load(3, 5, 'pytorch')).rejects.toThrow(
      new ShapeError(`state dict: 1.weight is [5,3], the model’s is [7,3]; ${head}`),
    );
    await expect(load(3, 5, 'fovea')).rejects.toThrow(
      new ShapeError(`state dict: 1.weight is [3,5], the model’s is [3,7]; ${head}`),
    );
    await expect(load(6, 7, 'pytorch')).rejects.toThrow(
      /0\.weight is \[6,4\], the model’s is \[3,4\]; use the width and depth/,
    );
  });

  it('converts every type of numbers', async () => {
    const given: [FileTensor['dtype'], FileTensor['data']][] = [
      ['f64', Float64Array.of(1.5, -2)],
      ['f16', Uint16Array.of(0x3e00, 0xc000)],
      ['bf16', Uint16Array.of(0x3fc0, 0xc000)],
    ];
    for (const [dtype, data] of given) {
      const layer = new Linear(1, 2);
      const weight = { dtype, shape: [2, 1], data } as const;
      const file = writeTorch({ weight, bias: f32([2], 0, 0) });
      layer.loadStateDict(await loadWeights(file));
      expect([...(await valuesOf(layer)).get('weight')!.data]).toEqual([1.5, -2]);
    }
  });

  it.each([
    [{ dtype: 'float' }, ShapeError, 'tensor.pth: weight: dtype is "float"; choose f64, f32, f16, bf16'],
    [{ shape: [3, 1] }, ShapeError, 'tensor.pth: weight: shape [3,1] does not hold the 2 elements given'],
    [
      { shape: undefined },
      UsageError,
      'tensor.pth: weight: tensor.shape is undefined; give a list of numbers',
    ],
    [{ data: undefined }, UsageError, 'tensor.pth: weight: tensor.data is undefined; give an object'],
  ] as const)('refuses a tensor with %j before anything changes', async (wrong, Failure, message) => {
    const layer = new Linear(1, 2);
    const before = await valuesOf(layer);
    const weights = new Map([
      ['bias', f32([2], 5, 6)],
      ['weight', { ...f32([1, 2], 1, 2), ...wrong } as unknown as FileTensor],
    ]);
    const load = () => layer.loadStateDict(weights, { source: 'tensor.pth' });
    expect(load).toThrow(Failure);
    expect(load).toThrow(message);
    expect(await valuesOf(layer)).toEqual(before);
  });

  it('refuses numbers that f32 does not have, and takes infinite ones', async () => {
    const layer = new Linear(1, 2);
    const before = await valuesOf(layer);
    const weights = (...values: number[]) =>
      new Map<string, FileTensor>([
        ['bias', f32([2], 5, 6)],
        ['weight', { dtype: 'f64', shape: [2, 1], data: Float64Array.from(values) }],
      ]);
    const beyond = weights(1, -1e39);
    expect(() => layer.loadStateDict(beyond, { source: 'w.pth' })).toThrow(
      new DataError(
        'w.pth: weight: element 1 is -1e+39, out of the range of f32; give a smaller number or Infinity',
      ),
    );
    expect(await valuesOf(layer)).toEqual(before);
    layer.loadStateDict(weights(Number.POSITIVE_INFINITY, 3.4e38));
    expect([...(await valuesOf(layer)).get('weight')!.data]).toEqual([
      Number.POSITIVE_INFINITY,
      Math.fround(3.4e38),
    ]);
    expect(() => decodeSafetensors(encodeSafetensors(beyond), 'w.safetensors')).toThrow(
      new DataError(
        'w.safetensors: tensor "weight": element 1 is -1e+39, out of the range of f32; give a smaller number or Infinity',
      ),
    );
  });

  it('refuses options that it does not have, and a rename that is none', () => {
    const model = new Linear(2, 2);
    expect(() => model.loadStateDict(new Map(), { skipMismatch: true } as never)).toThrow(
      /loadStateDict: takes \[.*\], got \[skipMismatch\]; did you mean skipMismatched/,
    );
    expect(() => model.loadStateDict(new Map(), { rename: 'x' } as never)).toThrow(
      'loadStateDict: options.rename is "x"; give a function',
    );
    expect(() => model.loadStateDict(new Map(), { strict: 'no' } as never)).toThrow(
      new UsageError('loadStateDict: options.strict is "no"; give true or false'),
    );
  });

  it('refuses what rename gives that is no name', () => {
    const model = new Linear(2, 2);
    const weights = new Map([['fc.weight', f32([2, 2], 1, 2, 3, 4)]]);
    for (const [given, shown] of [
      [3, '3'],
      [null, 'null'],
    ] as const) {
      expect(() => model.loadStateDict(weights, { rename: () => given as never })).toThrow(
        new UsageError(
          `loadStateDict: rename gives ${shown} for fc.weight; return a name, or undefined to leave the tensor out`,
        ),
      );
    }
  });

  it('names a layout that there is not, and those there are', async () => {
    const model = new Linear(2, 2);
    const layout = 'torch' as never;
    expect(() => model.loadStateDict(new Map(), { layout })).toThrow(
      new UsageError('loadStateDict: layout is "torch"; choose fovea, pytorch'),
    );
    await expect(model.stateDict(async ({ initial }) => initial, { layout })).rejects.toThrow(
      new UsageError('stateDict: layout is "torch"; choose fovea, pytorch'),
    );
  });
});
