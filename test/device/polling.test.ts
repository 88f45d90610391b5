import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { patientImmediate } from '../../src/device/polling.ts';
import { matmul, sum, zeros } from '../../src/graph/index.ts';
import { sharedGpu } from '../sharedGpu.ts';

type Poll = () => void;

/** A loop that is turned by hand, with a clock that goes on by a tenth of a millisecond a poll. */
function loop() {
  const queue: Poll[] = [];
  const asked: ('at once' | 'later')[] = [];
  let time = 0;
  const ask = (when: (typeof asked)[number]) => (poll: Poll) => {
    asked.push(when);
    queue.push(poll);
  };
  const patient = patientImmediate(
    ask('at once') as unknown as typeof setImmediate,
    ask('later'),
    () => time,
  );
  const wait = (polls: number) => {
    let left = polls;
    // As Dawn's: native, without a name.
    const poll: Poll = (() => {
      time += 0.1;
      if (--left > 0) patient(poll);
    }).bind(undefined);
    Object.defineProperty(poll, 'name', { value: '' });
    patient(poll);
    for (let next = queue.shift(); next; next = queue.shift()) next();
    expect(left).toBe(0);
    return asked.splice(0);
  };
  return { wait, asked, queue, patient };
}

describe('polling for Dawn', () => {
  it('is at once for a short wait, and apart for a long one', () => {
    const { wait } = loop();
    expect(wait(30)).toEqual(Array(30).fill('at once'));
    const long = wait(100);
    expect(long).toHaveLength(100);
    expect(long.slice(0, 30)).toEqual(Array(30).fill('at once'));
    expect(long.slice(50)).toEqual(Array(50).fill('later'));
  });

  it('is at once again for the next wait', () => {
    const { wait } = loop();
    wait(100);
    expect(wait(30)).toEqual(Array(30).fill('at once'));
  });

  it('leaves the callbacks of others alone', async () => {
    const { asked, queue, patient, wait } = loop();
    wait(100);
    const given: unknown[] = [];
    const patientWithArguments = patientImmediate(((callback: unknown, ...args: unknown[]) => {
      given.push(callback, ...args);
    }) as unknown as typeof setImmediate);
    const anonymous = (
      () => () =>
        undefined
    )();
    for (const callback of [anonymous, function named() {}, (value: number) => value]) {
      patient(callback as Poll);
      expect(asked.splice(0)).toEqual(['at once']);
      expect(queue.pop()).toBe(callback);
    }
    (patientWithArguments as (...args: unknown[]) => unknown)(Math.max, 1, 2);
    expect(given).toEqual([Math.max, 1, 2]);
    expect(await promisify(patientImmediate(setImmediate))('value')).toBe('value');
  });

  it('is recognised as it comes from Dawn', async () => {
    using gpu = await sharedGpu();
    const later = vi.spyOn(globalThis, 'setTimeout');
    // Two thousand million operations: tens of milliseconds on any CPU.
    const x = zeros([1024, 1024]);
    await gpu.read(sum(matmul(x, x)));
    expect(later.mock.calls.some(([, ms]) => ms === 1)).toBe(gpu.device.adapter.software);
  });
});
