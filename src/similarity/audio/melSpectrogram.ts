import { expectArguments, GPU } from '../../arguments.ts';
import type { HostTensor } from '../../data/batch.ts';
import { DataError, DeviceLimitError, UsageError } from '../../errors.ts';
import { add, pow, sqrt, square } from '../../graph/functions/elementwise.ts';
import { matmul } from '../../graph/functions/reduce.ts';
import { slice } from '../../graph/functions/shape.ts';
import { type Tensor, tensor } from '../../graph/tensor.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import type { Step } from '../../plan/step.ts';
import { melFilters } from './melScale.ts';
import { type MelSettings, type MelSpectrogramOptions, melSettings } from './spectrogramOptions.ts';

/** Spectra that are computed at once: the last ones of a sound are filled up, so that a spectrum has the same bits wherever it is. */
const BLOCK = 256;

/** The products of a frame with these are its spectrum: cosines, then sines, each times the window. [nFft,2 bins]. */
function fourierBasis({ nFft, winLength, window, divisor }: MelSettings, bins: number): Float32Array {
  const basis = new Float32Array(nFft * 2 * bins);
  const left = Math.floor((nFft - winLength) / 2);
  for (let i = 0; i < winLength; i++) {
    const t = left + i;
    const weight = window[i]! / divisor;
    for (let k = 0; k < bins; k++) {
      // The whole turns are taken off first: the angle of a large product would lose digits.
      const angle = (2 * Math.PI * ((t * k) % nFft)) / nFft;
      basis[t * 2 * bins + k] = weight * Math.cos(angle);
      basis[t * 2 * bins + bins + k] = weight * Math.sin(angle);
    }
  }
  return basis;
}

/** The sample at a place that may lie beyond the ends. */
function outside(at: number, length: number, mode: MelSettings['padMode']): number | undefined {
  if (at >= 0 && at < length) return at;
  if (mode === 'reflect') return at < 0 ? -at : 2 * (length - 1) - at;
  if (mode === 'replicate') return at < 0 ? 0 : length - 1;
  if (mode === 'circular') return ((at % length) + length) % length;
  return undefined;
}

/**
 * Mel spectrograms, as torchaudio's MelSpectrogram and librosa's feature.melspectrogram compute them: the waveform is cut into frames, the
 * magnitudes of the discrete Fourier transform of each (times the window) are raised to a power, and weighted by triangular filters that are spaced
 * evenly in mel. The transform is a product with a matrix that is made in float64, so that nFft may be any number; measured on tones, noise and
 * chirps its errors are those of torchaudio's float32 transform. Filters between two frequencies of the spectrum give 0, as torchaudio's.
 */
export class MelSpectrogram {
  /** The options with their defaults. */
  readonly settings: MelSettings;
  readonly #step: Step<{ mels: Tensor }>;

  /**
   * @param gpu Where it is computed.
   * @param options Those of torchaudio, with its defaults.
   * @throws UsageError for options that cannot be, DeviceLimitError for an nFft whose matrix the device does not hold.
   */
  constructor(gpu: Gpu, options: MelSpectrogramOptions = {}) {
    const settings = melSettings(options);
    expectArguments('MelSpectrogram', { gpu }, { gpu: GPU });
    const { nFft, nMels, power } = settings;
    const bins = Math.floor(nFft / 2) + 1;
    const bytes = 8 * nFft * bins;
    const { maxBindingSize } = gpu.device.caps;
    if (bytes > maxBindingSize) {
      throw new DeviceLimitError(
        `MelSpectrogram: nFft ${nFft} needs a matrix of ${bytes} bytes, the device binds at most ${maxBindingSize}; give a smaller nFft`,
      );
    }
    const basis = tensor(fourierBasis(settings, bins), [nFft, 2 * bins]);
    const filters = tensor(Float32Array.from(melFilters({ ...settings, bins })), [bins, nMels]);
    this.settings = settings;
    this.#step = gpu.capture((frames: Tensor) => {
      const spectra = matmul(frames, basis);
      const part = (from: number) => slice(spectra, [[], [from, from + bins]]);
      const squares = add(square(part(0)), square(part(bins)));
      const raised = power === 2 ? squares : power === 1 ? sqrt(squares) : pow(squares, power / 2);
      return { mels: matmul(raised, filters) };
    }) as Step<{ mels: Tensor }>;
  }

  /** The number of spectra of a waveform of so many samples: 1 + floor((samples + 2 floor(nFft / 2) - nFft) / hopLength), without `center` 1 + floor((samples - nFft) / hopLength). */
  frameCount(samples: number): number {
    const { nFft, hopLength, center } = this.settings;
    const padded = samples + (center ? 2 * Math.floor(nFft / 2) : 0);
    return padded < nFft ? 0 : 1 + Math.floor((padded - nFft) / hopLength);
  }

  /**
   * Computes the mel spectrogram of a sound of one channel.
   *
   * @param samples The waveform.
   * @returns The energies [nMels,frames] of each filter along the time, the lowest frequency first.
   * @throws DataError for a waveform that is too short to be padded or for one spectrum, and for samples that are no finite numbers.
   */
  async compute(samples: Float32Array): Promise<HostTensor & { readonly data: Float32Array }> {
    expectArguments('compute', { samples }, { samples: 'values' });
    const { nFft, center, padMode, nMels } = this.settings;
    const most = center && padMode === 'reflect' ? Math.floor(nFft / 2) + 1 : 1;
    const frames = this.frameCount(samples.length);
    if (samples.length < most || frames < 1) {
      const least = Math.max(most, center ? 1 : nFft);
      throw new DataError(
        `MelSpectrogram: the sound has ${samples.length} samples, and nFft ${nFft} needs ${least}; give a longer sound or a smaller nFft`,
      );
    }
    const bad = samples.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0)
      throw new DataError(`MelSpectrogram: sample ${bad} is ${samples[bad]}; give finite numbers`);
    const mels = new Float32Array(nMels * frames);
    let running: Promise<Float32Array> | undefined;
    for (let first = 0; first < frames + BLOCK; first += BLOCK) {
      const done = await running;
      if (done) this.#place(done, mels, first - BLOCK, frames);
      if (first >= frames) break;
      const block = this.#frames(samples, first, Math.min(BLOCK, frames - first));
      running = this.#run(block);
      running.catch(() => undefined);
    }
    return { data: mels, shape: [nMels, frames] };
  }

  async #run(block: Float32Array): Promise<Float32Array> {
    const { mels } = await this.#step(tensor(block, [BLOCK, this.settings.nFft]));
    return (await mels.data()) as Float32Array;
  }

  /** The frames of a block, row by row; zeros behind the last. */
  #frames(samples: Float32Array, first: number, count: number): Float32Array {
    const { nFft, hopLength, center, padMode } = this.settings;
    const before = center ? Math.floor(nFft / 2) : 0;
    const block = new Float32Array(BLOCK * nFft);
    for (let f = 0; f < count; f++) {
      const start = (first + f) * hopLength - before;
      if (start >= 0 && start + nFft <= samples.length) {
        block.set(samples.subarray(start, start + nFft), f * nFft);
        continue;
      }
      for (let i = 0; i < nFft; i++) {
        const at = outside(start + i, samples.length, padMode);
        if (at !== undefined) block[f * nFft + i] = samples[at]!;
      }
    }
    return block;
  }

  /** Turns rows of spectra into columns of the result. */
  #place(rows: Float32Array, mels: Float32Array, first: number, frames: number): void {
    const { nMels } = this.settings;
    const count = Math.min(BLOCK, frames - first);
    for (let f = 0; f < count; f++) {
      for (let m = 0; m < nMels; m++) mels[m * frames + first + f] = rows[f * nMels + m]!;
    }
  }

  /** Frees the device buffers of its program. */
  dispose(): void {
    this.#step.dispose();
  }
}

/** Options of `amplitudeToDB`: those of torchaudio's AmplitudeToDB. */
export interface AmplitudeToDBOptions {
  /** What the values are: `power`, of which 10 log10 is taken, or `magnitude`, of which 20. Default `power`. */
  readonly stype?: 'power' | 'magnitude';
  /** Values that are further below the greatest are raised to this many decibels below it. Null: none are. Default null (librosa: 80). */
  readonly topDb?: number | null;
  /** Values below it are raised to it. Default 1e-10. */
  readonly amin?: number;
  /** What 0 decibels are: a value, or the greatest one (`max`). Default 1. */
  readonly ref?: number | 'max';
}

/**
 * Converts a spectrogram to decibels (torchaudio's AmplitudeToDB, librosa's power_to_db): m log10(max(x, amin)) - m log10(max(ref, amin)), m = 10 for
 * power and 20 for magnitude; then not below the greatest - topDb.
 *
 * @param spectrogram What `MelSpectrogram.compute` gave.
 * @param options As torchaudio's.
 * @throws UsageError for options that cannot be.
 */
export function amplitudeToDB(
  spectrogram: HostTensor,
  options: AmplitudeToDBOptions = {},
): HostTensor & { readonly data: Float32Array } {
  const call = 'amplitudeToDB';
  expectArguments(call, { spectrogram }, { spectrogram: { data: 'values', shape: 'values' } });
  const { stype, topDb, amin, ref } = withDefaults(call, options, {
    stype: 'power',
    topDb: null,
    amin: 1e-10,
    ref: 1,
  });
  expectOneOf(call, 'stype', stype, ['power', 'magnitude']);
  if (!(amin > 0) || !(topDb === null || topDb >= 0) || !(ref === 'max' || ref > 0)) {
    throw new UsageError(
      `${call}: amin is ${amin}, topDb ${topDb} and ref ${ref}; give positive numbers, topDb null for none`,
    );
  }
  const { data, shape } = spectrogram;
  let most = 0;
  for (const value of data) if (value > most) most = value;
  const factor = stype === 'power' ? 10 : 20;
  const zero = Math.log10(Math.max(ref === 'max' ? most : ref, amin));
  const decibels = (value: number) => factor * (Math.log10(Math.max(value, amin)) - zero);
  const least = topDb === null ? Number.NEGATIVE_INFINITY : decibels(most) - topDb;
  return { data: Float32Array.from(data, (value) => Math.max(decibels(value), least)), shape };
}
