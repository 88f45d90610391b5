import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { encodeSafetensors } from '../../src/io/safetensors.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { readConformanceCase, verifyConformanceCase } from '../../src/verify/conformance.ts';
import { conformanceOps } from '../../src/verify/conformanceOps.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { isAsked } from './onlyCases.ts';

const fixtures = join(import.meta.dirname, '../fixtures/conformance');
// The whole set lies beside the repository, where there is one.
const shared = join(import.meta.dirname, '../../../shared/conformance/cases');

const filesIn = (folder: string) =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.safetensors') && isAsked(name.split('-')[0]!))
        .map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(folder, name))) }))
    : [];

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const files = [...filesIn(fixtures), ...filesIn(shared)];
const implemented = files.filter((file) => conformanceOps.has(readConformanceCase(file).op));

describe('values and gradients of PyTorch, torchvision, OpenCV and scikit-learn', () => {
  it('has cases', () => expect(implemented.length).toBeGreaterThan(0));

  it.each(implemented.map((file) => [file.name, file] as const))('%s', async (_title, file) => {
    const { direction, status, message } = await verifyConformanceCase(gpu, file);
    const { gradients } = readConformanceCase(file);
    expect(`${direction} ${status} ${message}`).toBe(
      Object.keys(gradients).length > 0 ? 'both ok ' : 'forward ok ',
    );
  });
});

describe('what is no good case', () => {
  const one = { dtype: 'f32', shape: [1], data: Float32Array.of(1) } as const;
  const file = (tensors: Record<string, typeof one>, metadata: Record<string, string>) => ({
    name: 'made-up.safetensors',
    bytes: encodeSafetensors(tensors, metadata),
  });

  it('an operation that is not there is unsupported', async () => {
    for (const op of ['make_coffee', 'constructor', '__proto__']) {
      const row = await verifyConformanceCase(
        gpu,
        file({ 'in.x': one, 'out.y': one, 'cot.y': one, 'grad.x': one }, { op, attrs: '{}' }),
      );
      expect(row).toMatchObject({ direction: 'both', status: 'unsupported', ok: false });
    }
  });

  it('a wrong value fails, and says where', async () => {
    const row = await verifyConformanceCase(
      gpu,
      file({ 'in.x': one, 'out.y': { ...one, data: Float32Array.of(3) } }, { op: 'neg', attrs: '{}' }),
    );
    expect(row).toMatchObject({ status: 'failed', ok: false, message: 'y[0]: got -1, want 3', maxError: 4 });
  });

  it('an output, a gradient or an attribute that is missing fails', async () => {
    const unnamed = await verifyConformanceCase(
      gpu,
      file({ 'in.x': one, 'out.z': one, 'grad.x': one, 'cot.y': one }, { op: 'relu', attrs: '{}' }),
    );
    expect(unnamed).toMatchObject({ status: 'failed', message: 'no z was computed' });
    const ungradiented = await verifyConformanceCase(
      gpu,
      file(
        { 'in.x': one, 'out.y': one, 'grad.x': { ...one, data: Float32Array.of(7) }, 'cot.y': one },
        { op: 'relu', attrs: '{}' },
      ),
    );
    expect(ungradiented).toMatchObject({ status: 'failed', message: 'd x[0]: got 1, want 7' });
    const row = await verifyConformanceCase(gpu, file({ 'in.x': one, 'out.y': one }, { op: 'topk' }));
    expect(row).toMatchObject({ status: 'failed', message: 'attribute k is undefined, not a number' });
  });

  it.each([
    ['no operation', { 'out.y': one }, {}, 'no "op"'],
    ['attributes that are no object', { 'out.y': one }, { op: 'neg', attrs: '[1]' }, 'no JSON object'],
    ['a tolerance that is none', { 'out.y': one }, { op: 'neg', rtol: 'wide' }, '"wide"'],
    ['no output', { 'in.x': one }, { op: 'neg' }, 'no "out." tensor'],
  ] as const)('%s is a DataError', (_title, tensors, metadata, message) => {
    const read = () => readConformanceCase(file(tensors as never, metadata as never));
    expect(read).toThrow(DataError);
    expect(read).toThrow(message);
    expect(read).toThrow('made-up.safetensors');
  });
});
