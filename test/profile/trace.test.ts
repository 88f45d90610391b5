import { describe, expect, it } from 'vitest';
import { mul, relu, tensor } from '../../src/index.ts';
import { UNet } from '../../src/models/unet.ts';
import { Conv2d, Linear, Module } from '../../src/nn/index.ts';
import {
  ADAPTER_CLASSES,
  type DispatchProfile,
  trace,
  tracePrediction,
  traceTraining,
} from '../../src/profile/index.ts';
import { PassTimer } from '../../src/profile/timer.ts';
import { sharedGpu } from '../sharedGpu.ts';

const unet = () => new UNet({ width: 4, depth: 2, numClasses: 2 });
const size = [32, 32] as const;
const sum = (dispatches: readonly DispatchProfile[], of: (one: DispatchProfile) => number) =>
  dispatches.reduce((total, one) => total + of(one), 0);

describe('a trace', () => {
  it('names the layers of a training step, forward and backward, and its update', async () => {
    const { dispatches } = await traceTraining(unet(), { size }).estimate(ADAPTER_CLASSES.h100);
    const phases = new Set(dispatches.map(({ phase }) => phase));
    expect([...phases]).toEqual(['forward', 'backward', 'update']);
    const convolutions = dispatches.filter(({ operation }) => operation.startsWith('conv2d'));
    for (const { phase, operation, layer } of convolutions) {
      expect(layer, operation).not.toBe('');
      if (operation.includes('backward_weight')) expect(phase).toBe('backward');
    }
    const forward = convolutions.filter(({ phase }) => phase === 'forward').map(({ layer }) => layer);
    expect(new Set(forward).size).toBe(11);
    // Every layer that has a filter gradient has a forward pass.
    const filters = convolutions.filter(({ operation }) => operation.includes('backward_weight'));
    expect(filters.every(({ layer }) => forward.includes(layer) || layer.startsWith('up'))).toBe(true);
    const steps = dispatches.filter(({ operation }) => operation === 'adamw_step');
    expect(steps.map(({ phase }) => phase)).toEqual(steps.map(() => 'update'));
    // Parameters, gradients and both moments are read, all but the gradients written.
    const values = unet().parameterCount;
    const [written, read] = [sum(steps, (one) => one.bytesWritten), sum(steps, (one) => one.bytesRead)];
    expect(written).toBeGreaterThanOrEqual(12 * values);
    expect(written).toBeLessThan(15 * values);
    expect(read / written).toBeCloseTo(4 / 3, 1);
  });

  it('of one layer is one dispatch, of the whole module', async () => {
    const model = new Linear(64, 32);
    const x = tensor(new Float32Array(16 * 64), [16, 64]);
    const forward = await trace((a) => ({ y: model.forward(a!) }), [x], { module: model }).estimate(
      ADAPTER_CLASSES.m1,
    );
    expect(forward.definitionFlops).toBe(2 * 16 * 64 * 32);
    expect(forward.dispatches).toHaveLength(1);
    expect(forward.dispatches[0]).toMatchObject({ phase: 'forward', layer: '', shape: [16, 32] });
  });

  it('can be planned for every class, whose kernels differ, and needs no device for that', async () => {
    const model = unet();
    model.eval();
    const traced = tracePrediction(model, { size, batchSize: 2 });
    for (const adapter of Object.values(ADAPTER_CLASSES)) {
      const profile = await traced.estimate(adapter);
      expect(profile.adapter).toBe(adapter);
      for (const { predicted, measured, bytesRead, bytesWritten, workgroups } of profile.dispatches) {
        expect(predicted.seconds).toBeGreaterThan(adapter.launchMicroseconds * 1e-6);
        expect(bytesRead + bytesWritten).toBeGreaterThan(0);
        expect(workgroups.every((count) => count > 0)).toBe(true);
        expect(measured).toBeUndefined();
      }
      expect(profile.wall).toBeUndefined();
    }
  });

  it('is measured dispatch by dispatch where the device has timestamps', async () => {
    const gpu = await sharedGpu();
    const model = unet();
    const traced = traceTraining(model, { size });
    const adapter = { ...ADAPTER_CLASSES.m1, name: 'this' };
    const { dispatches, wall } = await traced.measure(gpu, { adapter });
    expect(wall).toBeGreaterThan(0);
    const timed = PassTimer.supports(gpu.device);
    for (const { measured } of dispatches) {
      if (timed) expect(measured).toBeGreaterThanOrEqual(0);
      else expect(measured).toBeUndefined();
    }
  });

  it('says to what a shared part and one inside of another belong', async () => {
    class Twice extends Module {
      readonly conv = new Conv2d(4, 4, 1);
      readonly inner = new (class extends Module {
        readonly conv = new Conv2d(4, 4, 1);
        forward(x: ReturnType<typeof tensor>) {
          return mul(relu(this.conv.forward(x)), x);
        }
      })();
      forward(x: ReturnType<typeof tensor>) {
        return this.conv.forward(this.inner.forward(this.conv.forward(x)));
      }
    }
    const model = new Twice();
    const x = tensor(new Float32Array(64), [1, 4, 4, 4]);
    const { dispatches } = await trace((a) => ({ y: model.forward(a!) }), [x], { module: model }).estimate(
      ADAPTER_CLASSES.m1,
    );
    expect(dispatches.map(({ layer }) => layer)).toEqual(['conv', 'inner.conv', 'conv']);
  });

  it('of nothing that can be recorded is refused', () => {
    expect(() => trace(undefined as never)).toThrow('trace: takes a function, got undefined');
    expect(() => trace(() => ({}), [], { modul: 1 } as never)).toThrow(/trace: .*modul/);
    expect(() => tracePrediction(unet(), {} as never)).toThrow(/tracePrediction: options/);
    expect(() => tracePrediction(unet(), { size: [33, 33] })).toThrow(/33/);
  });
});
