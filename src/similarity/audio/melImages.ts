import { expectArguments, shownValue } from '../../arguments.ts';
import type { FloatImage } from '../../data/image.ts';
import { UsageError } from '../../errors.ts';
import { withDefaults } from '../../options.ts';
import { amplitudeToDB, type MelSpectrogram } from './melSpectrogram.ts';

/** The power of silence: any other sound is louder, however quiet. */
const LEAST = 1e-30;

/** Pixels of an image. */
const MOST_PIXELS = 2 ** 26;

/** Options of `melImages`. */
export interface MelImagesOptions {
  /** Spectra in an image: its width. Default: as many as there are filters, so that images are square. */
  readonly frames?: number;
  /** Spectra from the beginning of one image to that of the next. Default `frames`: images do not overlap. */
  readonly step?: number;
  /** Decibels from black to white: what is further below the loudest moment of the sound is black. Default 80. */
  readonly topDb?: number;
}

/** A part of a sound as an image. */
export interface MelImage {
  /** The log-mel spectrogram: time to the right, frequencies upwards, grey from 0 (silent) to 1 (loudest). */
  readonly image: FloatImage;
  /** Where the part begins, in seconds. */
  readonly time: number;
}

/**
 * Makes images of a sound for a model of images: its mel spectrogram in decibels below its loudest moment, cut into parts along the time. The last part
 * begins earlier, so that it is whole; a sound that is shorter than one part is followed by silence.
 *
 * @param mel What computes the spectrogram.
 * @param samples The waveform of one channel, at the sample rate of `mel`.
 * @param options The size of the parts, and the range of loudness.
 * @throws UsageError for options that cannot be; DataError as `MelSpectrogram.compute`.
 */
export async function melImages(
  mel: MelSpectrogram,
  samples: Float32Array,
  options: MelImagesOptions = {},
): Promise<MelImage[]> {
  expectArguments('melImages', { mel }, { mel: { settings: 'object', compute: 'function' } });
  const { nMels, hopLength, sampleRate } = mel.settings;
  const { frames, step, topDb } = withDefaults('melImages', options, {
    frames: nMels,
    step: options?.frames ?? nMels,
    topDb: 80,
  });
  for (const [name, value] of Object.entries({ frames, step })) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new UsageError(`melImages: ${name} is ${shownValue(value)}; give a whole number of at least 1`);
  }
  if (nMels * frames > MOST_PIXELS) {
    throw new UsageError(
      `melImages: frames ${frames} and ${nMels} filters make images of more than ${MOST_PIXELS} pixels; give fewer frames`,
    );
  }
  if (!(topDb > 0)) throw new UsageError(`melImages: topDb is ${shownValue(topDb)}; give a number above 0`);
  const spectrogram = await mel.compute(samples);
  const silent = spectrogram.data.every((value) => value <= LEAST);
  const { data } = amplitudeToDB(spectrogram, { ref: 'max', topDb, amin: LEAST });
  const count = spectrogram.shape[1]!;
  const last = Math.max(0, count - frames);
  const starts = Array.from({ length: Math.ceil(last / step) + 1 }, (_, i) => Math.min(i * step, last));
  return starts.map((start) => {
    const image = new Float32Array(nMels * frames * 3);
    for (let m = 0; m < nMels; m++) {
      const row = (nMels - 1 - m) * frames;
      for (let f = 0; f < Math.min(frames, count - start) && !silent; f++) {
        const grey = data[m * count + start + f]! / topDb + 1;
        image.fill(grey, (row + f) * 3, (row + f + 1) * 3);
      }
    }
    return {
      image: { width: frames, height: nMels, channels: 3, data: image },
      time: (start * hopLength) / sampleRate,
    };
  });
}
