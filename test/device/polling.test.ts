import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { patientImmediate } from '../../src/device/polling.ts';
import { matmul, sum, zeros } from '../../src/graph/index.ts';
import { sharedGpu } from '../sharedGpu.ts';

type Poll = () => void;

type When = 'at once' | 'later' | 'taken back';

/** A loop that is turned by hand, with a clock that goes on by a tenth of a millisecond a poll. */
function loop() {
  let queue: Poll[] = [];
  const asked: When[] = [];
  let time = 0;
  const immediate = ((poll: Poll) => {
    asked.push('at once');
    queue.push(poll);
  }) as unknown as typeof setImmediate;
  const later = (poll: Poll) => {
    asked.push('later');
    queue.push(poll);
    return () => {
      asked.push('taken back');
      queue = queue.filter((other) => other !== poll);
    };
  };
  const { patient, begin } = patientImmediate(immediate, { now: () => time, later });
  const wait = (polls: number) => {
    let left = polls;
    // As Dawn's: native, without a name.
    const poll: Poll = (() => {
      time += 0.1;
      if (--left > 0) patient(poll);
    }).bind(undefined);
    Object.defineProperty(poll, 'name', { value: '' });
    begin();
    patient(poll);
    for (let next = queue.shift(); next; next = queue.shift()) next();
    expect(left).toBe(0);
    return asked.splice(0);
  };
  return { wait, asked, queue: () => queue, patient, begin };
}

describe('polling for Dawn', () => {
  it('is at once for a short wait, and apart for a long one', () => {
    const { wait } = loop();
    expect(wait(90)).toEqual(Array(90).fill('at once'));
    const long = wait(200);
    expect(long).toHaveLength(200);
    expect(long.slice(0, 90)).toEqual(Array(90).fill('at once'));
    expect(long.slice(110)).toEqual(Array(90).fill('later'));
  });

  it('is at once again after the next submission, instead of the poll that is due', () => {
    const { wait, patient, begin, asked, queue } = loop();
    wait(200);
    expect(wait(90)).toEqual(Array(90).fill('at once'));
    wait(200);
    const poll: Poll = (() => undefined).bind(undefined);
    Object.defineProperty(poll, 'name', { value: '' });
    patient(poll);
    expect(asked).toEqual(['later']);
    begin();
    begin();
    expect(asked).toEqual(['later', 'taken back', 'at once']);
    expect(queue()).toEqual([poll]);
  });

  it('leaves the callbacks of others alone', async () => {
    const { asked, queue, patient, wait } = loop();
    wait(200);
    const given: unknown[] = [];
    const { patient: patientWithArguments } = patientImmediate(((callback: unknown, ...args: unknown[]) => {
      given.push(callback, ...args);
    }) as unknown as typeof setImmediate);
    const anonymous = (
      () => () =>
        undefined
    )();
    for (const callback of [anonymous, function named() {}, (value: number) => value]) {
      patient(callback as Poll);
      expect(asked.splice(0)).toEqual(['at once']);
      expect(queue().pop()).toBe(callback);
    }
    (patientWithArguments as (...args: unknown[]) => unknown)(Math.max, 1, 2);
    expect(given).toEqual([Math.max, 1, 2]);
    expect(await promisify(patientImmediate(setImmediate).patient)('value')).toBe('value');
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
