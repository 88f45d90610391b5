import { expectArguments, shownValue } from '../../arguments.ts';
import { UsageError } from '../../errors.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
import type { MelScale } from './melScale.ts';

/** Windows by name, all periodic: PyTorch's hann_window, hamming_window and blackman_window; `rectangular` is 1 everywhere. */
export type WindowName = 'hann' | 'hamming' | 'blackman' | 'rectangular';

/** How a waveform goes on beyond its ends: mirrored without the last sample, with zeros, with the last sample, or from the other end. */
export type AudioPadMode = 'reflect' | 'constant' | 'replicate' | 'circular';

/** Options of `MelSpectrogram`: those of torchaudio's, with its defaults. librosa's are named where they differ. */
export interface MelSpectrogramOptions {
  /** Samples in a second. Default 16000 (librosa: 22050). */
  readonly sampleRate?: number;
  /** Samples that a spectrum is computed of, any whole number. Default 400 (librosa: 2048). */
  readonly nFft?: number;
  /** Samples that the window covers, at most nFft: the window is in the middle of zeros. Default nFft. */
  readonly winLength?: number;
  /** Samples from one spectrum to the next. Default half of winLength, rounded down (librosa: a quarter). */
  readonly hopLength?: number;
  /** The lowest frequency of the filters in hertz. Default 0. */
  readonly fMin?: number;
  /** The highest frequency of the filters in hertz. Default half of sampleRate. */
  readonly fMax?: number;
  /** The number of mel filters. Default 128. */
  readonly nMels?: number;
  /** The formula of mel. Default `htk` (librosa: `slaney`). */
  readonly melScale?: MelScale;
  /** `slaney`: each filter has the area 1; null: the height 1. Default null (librosa: `slaney`). */
  readonly norm?: 'slaney' | null;
  /** What the magnitudes of a spectrum are raised to: 1 for magnitude, 2 for power. Default 2. */
  readonly power?: number;
  /** Whether the first spectrum has the first sample in its middle: the waveform is then padded by nFft / 2 on both sides. Default true. */
  readonly center?: boolean;
  /** How it is padded, where `center` is set. Default `reflect` (librosa: `constant`). */
  readonly padMode?: AudioPadMode;
  /** The window: a name, or winLength values. Default `hann`. */
  readonly window?: WindowName | ArrayLike<number>;
  /** Whether spectra are divided by the length of the window, the root of the sum of its squares (`window`, or true), or by the root of nFft (`frame_length`). Default false. */
  readonly normalized?: boolean | 'window' | 'frame_length';
}

/** The options, all given. */
export interface MelSettings {
  readonly sampleRate: number;
  readonly nFft: number;
  readonly winLength: number;
  readonly hopLength: number;
  readonly fMin: number;
  readonly fMax: number;
  readonly nMels: number;
  readonly melScale: MelScale;
  readonly norm: 'slaney' | null;
  readonly power: number;
  readonly center: boolean;
  readonly padMode: AudioPadMode;
  /** winLength values. */
  readonly window: Float64Array;
  /** What magnitudes are divided by. */
  readonly divisor: number;
}

const CALL = 'MelSpectrogram';

/** A periodic window of cosines: sum of (-1)^k a_k cos(2 pi k i / length). */
const cosines = (length: number, terms: readonly number[]): Float64Array =>
  Float64Array.from({ length }, (_, i) =>
    terms.reduce((sum, a, k) => sum + (-1) ** k * a * Math.cos((2 * Math.PI * k * i) / length), 0),
  );

const WINDOWS: Readonly<Record<WindowName, readonly number[]>> = {
  hann: [0.5, 0.5],
  hamming: [0.54, 0.46],
  blackman: [0.42, 0.5, 0.08],
  rectangular: [1],
};

function windowOf(window: WindowName | ArrayLike<number>, length: number): Float64Array {
  if (typeof window === 'string') {
    expectOneOf(CALL, 'window', window, Object.keys(WINDOWS) as WindowName[]);
    // One sample of a periodic window is its first, which PyTorch takes for 1.
    return length === 1 ? Float64Array.of(1) : cosines(length, WINDOWS[window]);
  }
  expectArguments(CALL, { window }, { window: 'values' });
  const values = Float64Array.from(window);
  if (values.length === length && values.every(Number.isFinite)) return values;
  throw new UsageError(
    `${CALL}: window has ${values.length} values and winLength is ${length}; give as many finite numbers`,
  );
}

function expectWhole(name: string, value: number, most = 2 ** 24): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return;
  throw new UsageError(`${CALL}: ${name} is ${shownValue(value)}; give a whole number from 1 to ${most}`);
}

/** Fills in the defaults and checks them. Throws UsageError for what cannot be. */
export function melSettings(options: MelSpectrogramOptions): MelSettings {
  const filled = withDefaults(CALL, options, {
    sampleRate: 16_000,
    nFft: 400,
    winLength: undefined,
    hopLength: undefined,
    fMin: 0,
    fMax: undefined,
    nMels: 128,
    melScale: 'htk',
    norm: null,
    power: 2,
    center: true,
    padMode: 'reflect',
    window: 'hann',
    normalized: false,
  });
  const { sampleRate, nFft, fMin, nMels, melScale, norm, power, center, padMode, normalized } = filled;
  expectWhole('sampleRate', sampleRate);
  expectWhole('nFft', nFft, 2 ** 16);
  const winLength = filled.winLength ?? nFft;
  expectWhole('winLength', winLength, nFft);
  const hopLength = filled.hopLength ?? Math.max(1, Math.floor(winLength / 2));
  expectWhole('hopLength', hopLength);
  expectWhole('nMels', nMels, 2 ** 16);
  const fMax = filled.fMax ?? Math.floor(sampleRate / 2);
  if (!(fMin >= 0 && fMax > fMin && Number.isFinite(fMax))) {
    throw new UsageError(
      `${CALL}: fMin is ${shownValue(fMin)} and fMax ${shownValue(fMax)}; give frequencies of 0 or more, the lower one first`,
    );
  }
  if (!(power > 0 && Number.isFinite(power))) {
    throw new UsageError(`${CALL}: power is ${shownValue(power)}; give a number above 0`);
  }
  expectOneOf(CALL, 'melScale', melScale, ['htk', 'slaney']);
  if (norm !== null) expectOneOf(CALL, 'norm', norm, ['slaney']);
  expectOneOf(CALL, 'padMode', padMode, ['reflect', 'constant', 'replicate', 'circular']);
  expectArguments(CALL, { center }, { center: 'flag' });
  if (typeof normalized !== 'boolean')
    expectOneOf(CALL, 'normalized', normalized, ['window', 'frame_length']);
  const window = windowOf(filled.window, winLength);
  const length = Math.sqrt(window.reduce((sum, value) => sum + value * value, 0));
  const divisor = normalized === false ? 1 : normalized === 'frame_length' ? Math.sqrt(nFft) : length;
  return {
    sampleRate,
    nFft,
    winLength,
    hopLength,
    fMin,
    fMax,
    nMels,
    melScale,
    norm,
    power,
    center,
    padMode,
    window,
    divisor,
  };
}
