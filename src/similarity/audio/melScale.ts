/** Which formula turns hertz into mel. */
export type MelScale = 'htk' | 'slaney';

/** The Slaney scale is linear up to this frequency, and logarithmic above it. */
const LINEAR_HZ = 1000;
const HZ_PER_MEL = 200 / 3;
const LINEAR_MELS = LINEAR_HZ / HZ_PER_MEL;
const LOG_STEP = Math.log(6.4) / 27;

/**
 * Converts a frequency in hertz to mel. `htk`: 2595 log10(1 + f / 700). `slaney` (Slaney 1998, Auditory Toolbox): 3 f / 200 up to 1000 Hz, above
 * that 15 + 27 ln(f / 1000) / ln(6.4).
 */
export const hzToMel = (hz: number, scale: MelScale): number => {
  if (scale === 'htk') return 2595 * Math.log10(1 + hz / 700);
  return hz < LINEAR_HZ ? hz / HZ_PER_MEL : LINEAR_MELS + Math.log(hz / LINEAR_HZ) / LOG_STEP;
};

/** Converts mel to a frequency in hertz: the reverse of `hzToMel`. */
export const melToHz = (mel: number, scale: MelScale): number => {
  if (scale === 'htk') return 700 * (10 ** (mel / 2595) - 1);
  return mel < LINEAR_MELS ? HZ_PER_MEL * mel : LINEAR_HZ * Math.exp(LOG_STEP * (mel - LINEAR_MELS));
};

/** What shapes a bank of mel filters. */
export interface MelFilters {
  /** The frequencies that a spectrum has: nFft / 2 + 1, from 0 to half the sample rate. */
  readonly bins: number;
  readonly nMels: number;
  readonly sampleRate: number;
  readonly fMin: number;
  readonly fMax: number;
  readonly melScale: MelScale;
  readonly norm: 'slaney' | null;
}

/**
 * A bank of triangles [bins,nMels] (torchaudio's melscale_fbanks, librosa's filters.mel): each rises from one of nMels + 2 frequencies, which
 * are spaced evenly in mel from fMin to fMax, to the next, and falls to the one after. With `norm` each has the area 1: it is divided by half
 * of its width in hertz. A triangle that lies between two frequencies of the spectrum is 0 everywhere, as torchaudio's: of a small nFft and many
 * filters the lowest are. Computed in float64.
 */
export function melFilters({
  bins,
  nMels,
  sampleRate,
  fMin,
  fMax,
  melScale,
  norm,
}: MelFilters): Float64Array {
  const [low, high] = [hzToMel(fMin, melScale), hzToMel(fMax, melScale)];
  const points = Array.from({ length: nMels + 2 }, (_, i) =>
    melToHz(low + ((high - low) * i) / (nMels + 1), melScale),
  );
  // As torchaudio: half of an odd rate is cut to whole hertz.
  const step = Math.floor(sampleRate / 2) / (bins - 1);
  const filters = new Float64Array(bins * nMels);
  for (let m = 0; m < nMels; m++) {
    const [from, peak, to] = points.slice(m, m + 3) as [number, number, number];
    const scale = norm === 'slaney' ? 2 / (to - from) : 1;
    for (let bin = 0; bin < bins; bin++) {
      const hz = bin * step;
      const value = Math.max(0, Math.min((hz - from) / (peak - from), (to - hz) / (to - peak)));
      filters[bin * nMels + m] = value * scale;
    }
  }
  return filters;
}
