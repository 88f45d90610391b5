import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataError, DeviceLimitError, UsageError } from '../../../src/errors.ts';
import type { Gpu } from '../../../src/plan/gpu.ts';
import { hzToMel, melToHz } from '../../../src/similarity/audio/melScale.ts';
import { amplitudeToDB, MelSpectrogram } from '../../../src/similarity/audio/melSpectrogram.ts';
import { sharedGpu } from '../../sharedGpu.ts';
import { signal } from './signals.ts';

interface Case {
  readonly signal: string;
  readonly rate: number;
  readonly count: number;
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly shape: [number, number];
  readonly sum: number;
  readonly max: number;
  readonly values: readonly [number, number, number][];
  readonly decibels: readonly [number, number, number][];
}

/** Made by torchaudio 0.13.1 in float64: test/fixtures/mel.py. */
const { cases }: { cases: readonly Case[] } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/mel.json'), 'utf8'),
);

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

/** torchaudio's options in camelCase. */
const NAMES: Readonly<Record<string, string>> = { window_fn: 'window' };
const camel = (name: string) => NAMES[name] ?? name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
const optionsOf = ({ rate, options }: Case) => ({
  sampleRate: rate,
  ...Object.fromEntries(Object.entries(options).map(([name, value]) => [camel(name), value])),
});

describe('MelSpectrogram', () => {
  it.each(
    cases.map((one, i) => [i, JSON.stringify(one.options), one] as const),
  )("is torchaudio's: case %i, %s", async (_, _options, one) => {
    const mel = new MelSpectrogram(gpu, optionsOf(one));
    const { data, shape } = await mel.compute(signal(one.signal, one.rate, one.count));
    expect(shape).toEqual(one.shape);
    expect(mel.frameCount(one.count)).toBe(one.shape[1]);
    const total = data.reduce((sum, value) => sum + value, 0);
    expect(Math.abs(total - one.sum) / one.sum).toBeLessThan(1e-5);
    const columns = one.shape[1];
    for (const [row, column, value] of one.values) {
      // What is 90 dB below the greatest value is lost in the rounding of float32.
      const allowed = 1e-4 * value + 1e-9 * one.max;
      expect(Math.abs(data[row * columns + column]! - value), `${row},${column}: ${value}`).toBeLessThan(
        allowed,
      );
    }
    const decibels = amplitudeToDB({ data, shape }, { topDb: 80 });
    for (const [row, column, value] of one.decibels) {
      expect(Math.abs(decibels.data[row * columns + column]! - value), `${row},${column} dB`).toBeLessThan(
        0.05,
      );
    }
    mel.dispose();
  });

  it('of two tones has the energy that the documentation names', async () => {
    const mel = new MelSpectrogram(gpu, {
      sampleRate: 16_000,
      nFft: 400,
      hopLength: 160,
      nMels: 80,
      norm: 'slaney',
      melScale: 'slaney',
    });
    // The time in float32, as torch.arange(16000) / 16000 has it.
    const samples = Float32Array.from({ length: 16_000 }, (_, i) => {
      const t = Math.fround(i / 16_000);
      const sine = (hz: number) => Math.fround(Math.sin(Math.fround(Math.fround(2 * Math.PI * hz) * t)));
      return 0.5 * sine(440) + 0.25 * sine(3000);
    });
    const { data, shape } = await mel.compute(samples);
    expect(shape).toEqual([80, 101]);
    expect(data.reduce((sum, value) => sum + value, 0)).toBeCloseTo(10993.249, 1);
    expect(Math.abs(data[10 * 101 + 50]! / 24.82893 - 1)).toBeLessThan(1e-4);
    mel.dispose();
  });

  it('has the same bits again, and of a spectrum wherever it is in a sound', async () => {
    const mel = new MelSpectrogram(gpu, { nFft: 200, hopLength: 100, nMels: 20, center: false });
    const samples = signal('noise', 16_000, 40_000);
    const { data, shape } = await mel.compute(samples);
    expect(shape).toEqual([20, 399]);
    expect((await mel.compute(samples)).data).toEqual(data);
    // From frame 300 on, which is in the second block of the whole sound.
    const later = await mel.compute(samples.subarray(30_000));
    for (let m = 0; m < 20; m++) {
      expect(later.data.subarray(m * 99, (m + 1) * 99)).toEqual(data.subarray(m * 399 + 300, (m + 1) * 399));
    }
    mel.dispose();
  });

  it('takes a window of its own', async () => {
    const window = Float32Array.from(
      { length: 100 },
      (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / 100),
    );
    const samples = signal('noise', 16_000, 1000);
    const [own, hann] = [window, 'hann' as const].map(
      (of) => new MelSpectrogram(gpu, { nFft: 128, winLength: 100, nMels: 16, window: of }),
    );
    const [a, b] = [await own!.compute(samples), await hann!.compute(samples)];
    a.data.forEach((value, i) => {
      expect(Math.abs(value - b.data[i]!)).toBeLessThan(1e-5 * Math.max(...b.data));
    });
    own!.dispose();
    hann!.dispose();
  });

  it('refuses options and sounds that cannot be', async () => {
    const make = (options: object) => () => new MelSpectrogram(gpu, options);
    expect(make({ nMel: 40 })).toThrow(/did you mean nMels/);
    // Of 65,536 the matrix would take 17 GB.
    expect(make({ nFft: 65_536 })).toThrow(DeviceLimitError);
    expect(make({ nFft: 0 })).toThrow('MelSpectrogram: nFft is 0; give a whole number from 1 to 65536');
    expect(make({ winLength: 401 })).toThrow(
      'MelSpectrogram: winLength is 401; give a whole number from 1 to 400',
    );
    expect(make({ fMin: 9000 })).toThrow(/fMin is 9000 and fMax 8000; give frequencies of 0 or more/);
    expect(make({ melScale: 'bark' })).toThrow('MelSpectrogram: melScale is "bark"; choose htk, slaney');
    expect(make({ window: [1, 2] })).toThrow(
      'MelSpectrogram: window has 2 values and winLength is 400; give as many finite numbers',
    );
    expect(make({ power: 0 })).toThrow(UsageError);
    expect(make({ normalized: 'yes' })).toThrow(UsageError);
    const mel = new MelSpectrogram(gpu);
    await expect(mel.compute(new Float32Array(200))).rejects.toThrow(
      new DataError(
        'MelSpectrogram: the sound has 200 samples, and nFft 400 needs 201; give a longer sound or a smaller nFft',
      ),
    );
    await expect(mel.compute(new Float32Array(300).fill(Number.NaN, 7))).rejects.toThrow(/sample 7 is NaN/);
    mel.dispose();
    const short = new MelSpectrogram(gpu, { center: false });
    await expect(short.compute(new Float32Array(399))).rejects.toThrow(/nFft 400 needs 400/);
    short.dispose();
  });
});

describe('amplitudeToDB', () => {
  const of = (data: number[], options = {}) => [
    ...amplitudeToDB({ data: Float32Array.from(data), shape: [1, data.length] }, options).data,
  ];
  it('takes logarithms of powers and magnitudes, relative to a value or the greatest', () => {
    expect(of([1, 10, 0.1])).toEqual([0, 10, expect.closeTo(-10, 5)]);
    expect(of([1, 10, 0.1], { stype: 'magnitude' })).toEqual([0, 20, expect.closeTo(-20, 5)]);
    expect(of([1, 10, 0], { ref: 'max', topDb: 80 })).toEqual([expect.closeTo(-10, 5), 0, -80]);
    expect(of([0, 0])).toEqual([-100, -100]);
    expect(of([4, 1], { ref: 4 })).toEqual([0, expect.closeTo(-6.0206, 4)]);
  });

  it('refuses options that cannot be', () => {
    expect(() => of([1], { topDb: -1 })).toThrow(UsageError);
    expect(() => of([1], { stype: 'db' })).toThrow(UsageError);
  });
});

describe('the mel scales', () => {
  it('go there and back', () => {
    for (const scale of ['htk', 'slaney'] as const) {
      for (const hz of [0, 440, 1000, 5000]) expect(melToHz(hzToMel(hz, scale), scale)).toBeCloseTo(hz, 6);
    }
    expect(hzToMel(1000, 'slaney')).toBeCloseTo(15, 10);
    expect(hzToMel(1000, 'htk')).toBeCloseTo(999.9855, 3);
  });
});
