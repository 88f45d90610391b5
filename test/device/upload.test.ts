import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { add, concat, type Gpu, relu, tensor, zeros } from '../../src/index.ts';
import { roiAlign } from '../../src/kernels/roi/roiAlign.ts';
import { sharedGpu } from '../sharedGpu.ts';

const src = path.join(import.meta.dirname, '../../src');

describe('writes into buffers', () => {
  let gpu: Gpu;

  beforeAll(async () => {
    gpu = await sharedGpu();
  });
  afterAll(() => gpu.dispose());

  it('are never empty: Deno’s queue does not survive it', async () => {
    const spy = vi.spyOn(gpu.device.device.queue, 'writeBuffer');
    const nothing = tensor(new Float32Array(0), [0, 3]);
    const step = gpu.capture((x) => ({ y: add(relu(concat([x, zeros([0, 3])], 0)), nothing) }));
    const { y } = await step(nothing);
    expect(await y.data()).toHaveLength(0);
    step.dispose();
    roiAlign.plan(gpu.device.device, { x: [1, 4, 4, 2], rois: [0, 5] }, { outputSize: 2 }).dispose();
    const { z } = await gpu.run(() => ({ z: relu(tensor([-1, 2])) }));
    expect([...z]).toEqual([0, 2]);
    const sizes = spy.mock.calls.map(([, , data]) => data.byteLength);
    expect(sizes.length).toBeGreaterThan(0);
    expect(sizes).not.toContain(0);
  });

  it('go through upload(), which leaves out empty ones', () => {
    const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    );
    const writers = files.filter((name) =>
      /\.writeBuffer\(/.test(readFileSync(path.join(src, name), 'utf8')),
    );
    // Poison fills whole buffers, which are never empty.
    expect(writers.sort()).toEqual([path.join('device', 'upload.ts'), path.join('verify', 'poison.ts')]);
  });
});
