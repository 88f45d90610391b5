import { describe, expect, it } from 'vitest';
import { DataError, UsageError } from '../../src/errors.ts';
import { loadWeights, readSafetensors } from '../../src/io/index.ts';
import { Random } from '../../src/vision/random.ts';
import { mutateFile } from '../faults/weights.ts';

const weights = [
  { name: 'conv/kernel', dtype: 'float32', shape: [2, 2] },
  { name: 'mask', dtype: 'bool', shape: [3] },
  { name: 'count', dtype: 'int32', shape: [] },
  { name: 'q8', dtype: 'float32', shape: [2], quantization: { dtype: 'uint8', scale: 0.1, min: -1 } },
  {
    name: 'q16',
    dtype: 'int32',
    shape: [2],
    quantization: { dtype: 'uint16', scale: 0.5, min: -3, original_dtype: 'int32' },
  },
  {
    name: 'half',
    dtype: 'float32',
    shape: [2],
    quantization: { dtype: 'float16', original_dtype: 'float32' },
  },
];

const bytesOf = (...arrays: ArrayBufferView[]): Uint8Array =>
  Uint8Array.from(
    arrays.flatMap(({ buffer, byteOffset, byteLength }) => [
      ...new Uint8Array(buffer, byteOffset, byteLength),
    ]),
  );

const values = bytesOf(
  Float32Array.of(1, -2, 3.5, 4),
  Uint8Array.of(1, 0, 1),
  Int32Array.of(-7),
  Uint8Array.of(0, 255),
  Uint16Array.of(7, 65_535),
  Uint16Array.of(0x3c00, 0xc000),
);

/** A model.json with these weights in two files. */
const modelOf = (list: readonly object[], paths: readonly unknown[] = ['a.bin', 'sub/b.bin']): Uint8Array =>
  new TextEncoder().encode(
    JSON.stringify({
      format: 'layers-model',
      generatedBy: 'test',
      modelTopology: { class_name: 'Sequential' },
      weightsManifest: [{ paths, weights: list }],
    }),
  );

const reader = (data: Uint8Array) => async (path: string) =>
  path === 'a.bin' ? data.subarray(0, 18) : data.subarray(18);

const load = (list: readonly object[], data = values, paths?: readonly unknown[]) =>
  loadWeights(modelOf(list, paths), { name: 'model.json', read: reader(data) });

describe('weights of TensorFlow.js', () => {
  it('are read by name from several files, quantised ones decoded', async () => {
    const { format, tensors, other, notes } = await load(weights);
    expect(format).toBe('tfjs');
    expect([...tensors].map(([name, { dtype, shape, data }]) => [name, dtype, shape, [...data]])).toEqual([
      ['conv/kernel', 'f32', [2, 2], [1, -2, 3.5, 4]],
      ['mask', 'bool', [3], [1, 0, 1]],
      ['count', 'i32', [], [-7]],
      ['q8', 'f32', [2], [-1, Math.fround(24.5)]],
      ['q16', 'i32', [2], [1, 32_765]],
      ['half', 'f16', [2], [0x3c00, 0xc000]],
    ]);
    expect(other.get('generatedBy')).toBe('test');
    expect(notes).toEqual([
      '2 files of weights',
      'weights that were quantized as uint16 were decoded',
      'weights that were quantized as uint8 were decoded',
    ]);
  });

  it('are read by a manifest alone, and texts among them are left out', async () => {
    const list = [
      { name: 'words', dtype: 'string', shape: [2] },
      { name: 'x', dtype: 'float32', shape: [1] },
    ];
    const data = bytesOf(Uint32Array.of(2), Uint8Array.of(65, 66), Uint32Array.of(0), Float32Array.of(5));
    const manifest = new TextEncoder().encode(JSON.stringify([{ paths: ['a.bin'], weights: list }]));
    const { tensors, notes } = await loadWeights(manifest, { read: async () => data });
    expect([...tensors.keys()]).toEqual(['x']);
    expect(tensors.get('x')!.data).toEqual(Float32Array.of(5));
    expect(notes).toContain('"words" holds texts, and was left out');
  });

  it.each([
    [
      'short files',
      weights,
      values.subarray(0, -1),
      undefined,
      'model.json: a.bin, "sub/b.bin" have 32 bytes, its weights take 33',
    ],
    [
      'long files',
      weights,
      bytesOf(values, Uint8Array.of(0)),
      undefined,
      'have 34 bytes, its weights take 33',
    ],
    ['a path above', weights, values, ['../a.bin'], 'path "../a.bin" is no file beside it'],
    ['a path inside that goes up', weights, values, ['a/../../b.bin'], 'is no file beside it'],
    ['an absolute path', weights, values, ['/etc/passwd'], 'path "/etc/passwd" is no file beside it'],
    ['an address', weights, values, ['https://example.org/a'], 'is no file beside it'],
    [
      'a huge weight',
      [{ name: 'w', dtype: 'float32', shape: [1e9, 1e9] }],
      values,
      undefined,
      'is too large',
    ],
    [
      'a large weight',
      [{ name: 'w', dtype: 'float32', shape: [1e6, 1e6] }],
      values,
      undefined,
      'its weights take 4000000000000',
    ],
    [
      'another type',
      [{ name: 'w', dtype: 'complex64', shape: [1] }],
      values,
      undefined,
      'weight "w": dtype "complex64" cannot be read',
    ],
    [
      'a shape that is none',
      [{ name: 'w', dtype: 'float32', shape: [-1] }],
      values,
      undefined,
      'weight "w": shape is not a list',
    ],
    [
      'a name that is there twice',
      [weights[0], weights[0]],
      values,
      undefined,
      'two weights are called "conv/kernel"',
    ],
  ] as const)('refuse %s', async (_, list, data, paths, message) => {
    const loading = load(list as readonly object[], data, paths);
    await expect(loading).rejects.toThrow(DataError);
    await expect(loading).rejects.toThrow(message);
  });

  it('need the files, and are named to readers of other formats', async () => {
    await expect(loadWeights(modelOf(weights), { name: 'model.json' })).rejects.toThrow(UsageError);
    expect(() => readSafetensors(modelOf(weights), 'model.json')).toThrow('is a model of TensorFlow.js');
  });

  it('throw typed errors for damaged files', async () => {
    const outcomes = new Set<string>();
    for (let number = 0; number < 400; number++) {
      const random = new Random(`tfjs ${number}`);
      const damaged = mutateFile(modelOf(weights), random);
      const read = number % 3 === 0 ? async () => mutateFile(values, random) : reader(values);
      try {
        await loadWeights(damaged, { read });
        outcomes.add('read');
      } catch (error) {
        if (!(error instanceof Error) || !['DataError', 'UsageError'].includes(error.name)) throw error;
        expect(error.message).not.toMatch(/[\r\n]/);
        outcomes.add(error.name);
      }
    }
    expect(outcomes).toContain('DataError');
  });
});
