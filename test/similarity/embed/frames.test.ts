import { describe, expect, it } from 'vitest';
import { DataError, UsageError } from '../../../src/errors.ts';
import { framesAt, poolFrames } from '../../../src/similarity/embed/frames.ts';

describe('vectors of frames', () => {
  const frames = { data: Float32Array.of(1, 5, 3, -3), shape: [2, 2] };
  it('become one by their mean, their maximum, or one after the other', () => {
    expect([...poolFrames(frames)]).toEqual([2, 1]);
    expect([...poolFrames(frames, 'max')]).toEqual([3, 5]);
    expect([...poolFrames(frames, 'concat')]).toEqual([1, 5, 3, -3]);
    expect([...poolFrames({ data: Float32Array.of(-1, -2), shape: [1, 2] }, 'max')]).toEqual([-1, -2]);
  });

  it('are normalised together', () => {
    const unit = poolFrames(frames, 'mean', { normalize: true });
    expect([...unit]).toEqual([2, 1].map((value) => Math.fround(value / Math.sqrt(5))));
    expect([
      ...poolFrames({ data: new Float32Array(2), shape: [1, 2] }, 'mean', { normalize: true }),
    ]).toEqual([0, 0]);
  });

  it('that are none are refused', () => {
    expect(() => poolFrames({ data: new Float32Array(0), shape: [0, 2] })).toThrow(
      new DataError('poolFrames: there is no frame; give at least one'),
    );
    expect(() => poolFrames({ data: new Float32Array(3), shape: [2, 2] })).toThrow(UsageError);
    expect(() => poolFrames(frames, 'sum' as never)).toThrow(
      'poolFrames: pooling is "sum"; choose mean, max, concat',
    );
  });
});

describe('frames at a rate', () => {
  const chosen = (durations: number[], fps: number) => framesAt(durations, fps).map(({ frame }) => frame);
  it('are those that are shown at the moments', () => {
    // A second of ten frames.
    const tenths = new Array<number>(10).fill(0.1);
    expect(chosen(tenths, 5)).toEqual([0, 2, 4, 6, 8]);
    expect(chosen(tenths, 1)).toEqual([0]);
    expect(chosen(tenths, 10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(framesAt([0.5, 2, 0.5], 1)).toEqual([
      { frame: 0, time: 0 },
      { frame: 1, time: 1 },
      { frame: 1, time: 2 },
    ]);
    // The second frame is shown for no moment.
    expect(chosen([0.4, 0.05, 0.55], 2)).toEqual([0, 2]);
  });

  it('are one at least, of any frame', () => {
    expect(chosen([0], 1)).toEqual([0]);
    expect(chosen([], 1)).toEqual([]);
  });

  it('need a rate and durations that can be', () => {
    expect(() => framesAt([1], 0)).toThrow('framesAt: fps is 0; give a number above 0');
    expect(() => framesAt([1, 1], 1e9)).toThrow(
      'chooses 2000000000 frames of 2 seconds; choose a lower rate',
    );
    expect(() => framesAt([-1], 1)).toThrow('framesAt: a duration is -1; give seconds of 0 or more');
  });
});
