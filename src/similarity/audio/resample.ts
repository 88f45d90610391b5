import { expectArguments, shownValue } from '../../arguments.ts';
import { UsageError } from '../../errors.ts';

/** Zero crossings of the sinc on each side, and the part of the lower of the two rates' band that is kept: torchaudio's defaults. */
const [WIDTH, ROLLOFF] = [6, 0.99];
/** More values of a filter bank: no two rates that sounds have need as many. */
const MOST_TAPS = 2 ** 26;

/** 4 GB of samples. */
const MOST_SAMPLES = 2 ** 30;

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/**
 * Resamples a sound to another rate, as torchaudio's functional.resample with its defaults: a sinc of six zero crossings under a Hann window, cut off at 0.99 of
 * the lower rate's band (Smith, Digital Audio Resampling Home Page). Computed in float64, on the CPU.
 *
 * @param samples The waveform of one channel.
 * @param origFreq Its samples in a second.
 * @param newFreq Those of the result.
 * @returns ceil(samples newFreq / origFreq) samples.
 * @throws UsageError for rates that are no whole numbers of at least 1, and where the filters or the result would not fit in memory.
 */
export function resample(samples: Float32Array, origFreq: number, newFreq: number): Float32Array {
  expectArguments('resample', { samples }, { samples: 'values' });
  for (const [name, value] of Object.entries({ origFreq, newFreq })) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new UsageError(`resample: ${name} is ${shownValue(value)}; give a whole number of at least 1`);
  }
  if (origFreq === newFreq) return samples.slice();
  const divisor = gcd(origFreq, newFreq);
  const [from, to] = [origFreq / divisor, newFreq / divisor];
  const base = Math.min(from, to) * ROLLOFF;
  const width = Math.ceil((WIDTH * from) / base);
  const taps = 2 * width + from;
  const length = Math.ceil((to * samples.length) / from);
  if (length > MOST_SAMPLES) {
    throw new UsageError(
      `resample: from ${origFreq} to ${newFreq} Hz ${samples.length} samples become ${length}, more than ${MOST_SAMPLES}; cut the sound into parts`,
    );
  }
  if (taps * to > MOST_TAPS) {
    throw new UsageError(
      `resample: from ${origFreq} to ${newFreq} Hz needs ${to} filters of ${taps} values; give rates with a larger common divisor`,
    );
  }
  const filters = Array.from({ length: to }, (_, phase) =>
    Float64Array.from({ length: taps }, (__, i) => {
      const t = Math.max(-WIDTH, Math.min(WIDTH, (-phase / to + (i - width) / from) * base));
      const window = Math.cos((t * Math.PI) / WIDTH / 2) ** 2;
      const sinc = t === 0 ? 1 : Math.sin(t * Math.PI) / (t * Math.PI);
      return (window * sinc * base) / from;
    }),
  );
  return Float32Array.from({ length }, (_, k) => {
    const filter = filters[k % to]!;
    const start = Math.floor(k / to) * from - width;
    const [first, last] = [Math.max(0, -start), Math.min(taps, samples.length - start)];
    let sum = 0;
    for (let i = first; i < last; i++) sum += filter[i]! * samples[start + i]!;
    return sum;
  });
}
