import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataError, UsageError } from '../../../src/errors.ts';
import type { Gpu } from '../../../src/plan/gpu.ts';
import { melImages } from '../../../src/similarity/audio/melImages.ts';
import { MelSpectrogram } from '../../../src/similarity/audio/melSpectrogram.ts';
import { resample } from '../../../src/similarity/audio/resample.ts';
import { decodeWav, isWav, toMono } from '../../../src/similarity/audio/wav.ts';
import { sharedGpu } from '../../sharedGpu.ts';
import { signal } from './signals.ts';
import { wavBytes } from './wavBytes.ts';

interface Resampled {
  readonly signal: string;
  readonly rate: number;
  readonly count: number;
  readonly to: number;
  readonly length: number;
  readonly values: readonly number[];
}

/** Made by torchaudio 0.13.1: test/fixtures/mel.py. */
const fixture: { resample: readonly Resampled[] } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/mel.json'), 'utf8'),
);

describe('resample', () => {
  it.each(fixture.resample)("is torchaudio's: $signal from $rate to $to Hz", (one) => {
    const samples = resample(signal(one.signal, one.rate, one.count), one.rate, one.to);
    expect(samples.length).toBe(one.length);
    const every = Math.max(1, Math.floor(one.length / 24));
    one.values.forEach((value, i) => {
      expect(Math.abs(samples[i * every]! - value)).toBeLessThan(1e-6);
    });
  });

  it('copies a sound of the same rate, and refuses rates that cannot be', () => {
    const samples = Float32Array.of(1, 2);
    expect(resample(samples, 8000, 8000)).toEqual(samples);
    expect(resample(samples, 8000, 8000)).not.toBe(samples);
    expect(resample(new Float32Array(0), 8000, 16_000).length).toBe(0);
    expect(() => resample(samples, 0, 8000)).toThrow(
      'resample: origFreq is 0; give a whole number of at least 1',
    );
    expect(() => resample(samples, 8000, 44_100.5)).toThrow(UsageError);
    expect(() => resample(samples, 999_983, 1_000_003)).toThrow(/give rates with a larger common divisor/);
  });
});

describe('WAV files', () => {
  it('are read in all depths, from whole numbers and floats, with several channels', () => {
    const values = [
      [0, 0.5, -0.5, -1],
      [0.25, -0.25, 0.75, 0],
    ];
    for (const [code, bits] of [
      [1, 8],
      [1, 16],
      [1, 24],
      [1, 32],
      [3, 32],
      [3, 64],
    ] as const) {
      for (const extensible of [false, true]) {
        const bytes = wavBytes(values, 8000, { code, bits, extensible });
        expect(isWav(bytes)).toBe(true);
        const { sampleRate, channels } = decodeWav(bytes, 'a.wav');
        expect(sampleRate).toBe(8000);
        expect(
          channels.map((channel) => [...channel]),
          `${code} ${bits}`,
        ).toEqual(values);
      }
    }
  });

  it('may have other chunks, and no size where a program wrote them into a pipe', () => {
    const plain = wavBytes([[0.5, -0.5]], 16_000, { code: 1, bits: 16 });
    const list = Uint8Array.of(...Buffer.from('LIST'), 3, 0, 0, 0, 1, 2, 3, 0);
    const other = Uint8Array.from([...plain.subarray(0, 12), ...list, ...plain.subarray(12)]);
    expect([...decodeWav(other, 'a.wav').channels[0]!]).toEqual([0.5, -0.5]);
    for (const size of [0, 0xffffffff]) {
      const piped = plain.slice();
      new DataView(piped.buffer).setUint32(40, size, true);
      expect([...decodeWav(piped, 'a.wav').channels[0]!]).toEqual([0.5, -0.5]);
    }
  });

  it('that cannot be used are refused by name', () => {
    const plain = wavBytes([[0.5, -0.5]], 16_000, { code: 1, bits: 16 });
    expect(() => decodeWav(plain.subarray(0, plain.length - 1), 'a.wav')).toThrow(
      new DataError('a.wav: says 4 bytes of samples, and 3 are there; copy it again'),
    );
    expect(() => decodeWav(plain.subarray(0, 36), 'a.wav')).toThrow(/^a\.wav: has no samples; /);
    expect(() => decodeWav(Uint8Array.of(1, 2), 'a.wav')).toThrow('a.wav: is no WAV file; convert it to WAV');
    const mp3 = plain.slice();
    mp3[20] = 85;
    expect(() => decodeWav(mp3, 'a.wav')).toThrow('a.wav: has MP3; convert it to WAV of 16 bits');
    const twelve = plain.slice();
    twelve[34] = 12;
    expect(() => decodeWav(twelve, 'a.wav')).toThrow(
      'a.wav: has samples of 12 bits; convert it to WAV of 16 bits',
    );
    const none = plain.slice();
    none[22] = 0;
    expect(() => decodeWav(none, 'a.wav')).toThrow(/has 0 channels at 16000 Hz/);
  });

  it('become one channel by their mean', () => {
    const channels = [Float32Array.of(1, 0), Float32Array.of(0, 0.5), Float32Array.of(0.5, 0.25)];
    expect(toMono({ channels })).toEqual(Float32Array.of(0.5, 0.25));
    expect(toMono({ channels: channels.slice(0, 1) })).toBe(channels[0]);
    expect(() => toMono({ channels: [] })).toThrow(DataError);
  });
});

describe('images of sounds', () => {
  let gpu: Gpu;
  let mel: MelSpectrogram;
  beforeAll(async () => {
    gpu = await sharedGpu();
    mel = new MelSpectrogram(gpu, { sampleRate: 8000, nFft: 200, hopLength: 100, nMels: 16 });
  });
  afterAll(() => gpu?.dispose());
  const tone = (count: number, hz: number, loud = 0.5) =>
    Float32Array.from({ length: count }, (_, i) => loud * Math.sin((2 * Math.PI * hz * i) / 8000));

  it('are parts of the time, the last of which ends with the sound', async () => {
    // 41 spectra.
    const found = await melImages(mel, tone(4000, 1000));
    expect(found.map(({ time }) => time)).toEqual([0, 0.2, 0.3125]);
    for (const { image } of found) {
      expect([image.width, image.height, image.data.length]).toEqual([16, 16, 768]);
      expect(Math.max(...image.data)).toBeLessThanOrEqual(1);
      expect(Math.min(...image.data)).toBeGreaterThanOrEqual(0);
    }
    const overlapping = await melImages(mel, tone(4000, 1000), { frames: 20, step: 10 });
    expect(overlapping.map(({ time }) => time)).toEqual([0, 0.125, 0.25, 0.2625]);
    expect(overlapping[0]!.image.width).toBe(20);
  });

  it('have high frequencies above, and the same brightness however loud the sound is', async () => {
    const brightest = async (hz: number) => {
      const { image } = (await melImages(mel, tone(1600, hz)))[0]!;
      const middle = Array.from({ length: 16 }, (_, row) => image.data[(row * 16 + 8) * 3]!);
      return middle.indexOf(Math.max(...middle));
    };
    expect(await brightest(3500)).toBeLessThan(await brightest(300));
    const [loud] = await melImages(mel, tone(1600, 700));
    const [quiet] = await melImages(mel, tone(1600, 700, 1e-4));
    loud!.image.data.forEach((value, i) => {
      expect(Math.abs(value - quiet!.image.data[i]!)).toBeLessThan(1e-3);
    });
  });

  it('are black where there is no sound', async () => {
    const [silence] = await melImages(mel, new Float32Array(1600));
    expect(silence!.image.data.every((value) => value === 0)).toBe(true);
    // Five spectra, and nothing behind them.
    const [short] = await melImages(mel, tone(400, 1000));
    const last = Array.from({ length: 16 }, (_, row) => short!.image.data[(row * 16 + 15) * 3]!);
    expect(last).toEqual(new Array(16).fill(0));
    expect(Math.max(...short!.image.data)).toBe(1);
  });

  it('refuse options that cannot be', async () => {
    await expect(melImages(mel, tone(1600, 9), { frames: 0 })).rejects.toThrow(
      'melImages: frames is 0; give a whole number of at least 1',
    );
    await expect(melImages(mel, tone(1600, 9), { frames: 1e9 })).rejects.toThrow('give fewer frames');
    await expect(melImages(mel, tone(1600, 9), { topDb: 0 })).rejects.toThrow(UsageError);
    await expect(melImages(mel, tone(1600, 9), { width: 3 } as never)).rejects.toThrow(UsageError);
  });
});
