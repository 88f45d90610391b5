import { expectArguments } from '../../arguments.ts';
import { DataError } from '../../errors.ts';

/** A sound. */
export interface Sound {
  /** Samples in a second. */
  readonly sampleRate: number;
  /** The samples of each channel, in -1..1. */
  readonly channels: readonly Float32Array[];
}

/** How samples are stored: whole numbers, floats, or as a further format in the header says. */
const [WHOLE, FLOAT, EXTENSIBLE] = [1, 3, 0xfffe];
/** More channels are no sound that is embedded. */
const MOST_CHANNELS = 256;

/** The names of formats that are often met and not read here. */
const OTHERS: Readonly<Record<number, string>> = {
  2: 'ADPCM',
  6: 'A-law',
  7: 'mu-law',
  17: 'IMA ADPCM',
  49: 'GSM',
  85: 'MP3',
};

interface Format {
  readonly code: number;
  readonly channels: number;
  readonly sampleRate: number;
  readonly bits: number;
}

type Read = (view: DataView, at: number) => number;

/** Reads a sample of a format as a number in -1..1, as torchaudio does. */
const READERS: Readonly<Record<string, Read>> = {
  [`${WHOLE} 8`]: (view, at) => (view.getUint8(at) - 128) / 128,
  [`${WHOLE} 16`]: (view, at) => view.getInt16(at, true) / 2 ** 15,
  [`${WHOLE} 24`]: (view, at) => (view.getUint16(at, true) + 65536 * view.getInt8(at + 2)) / 2 ** 23,
  [`${WHOLE} 32`]: (view, at) => view.getInt32(at, true) / 2 ** 31,
  [`${FLOAT} 32`]: (view, at) => view.getFloat32(at, true),
  [`${FLOAT} 64`]: (view, at) => view.getFloat64(at, true),
};

/** Tells whether bytes begin as a WAV file does. */
export function isWav(bytes: Uint8Array): boolean {
  expectArguments('isWav', { bytes }, { bytes: 'bytes' });
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 12));
  return text.startsWith('RIFF') && text.endsWith('WAVE');
}

/**
 * Decodes a WAV file of whole numbers of 8, 16, 24 or 32 bits, or floats of 32 or 64. Whole numbers are divided by 2^(bits - 1), as by torchaudio.
 *
 * @param bytes The content of the file.
 * @param name The file's name, for messages.
 * @throws DataError, one line that begins with `name`, for other files, compressed sound, and one that is cut short.
 */
export function decodeWav(bytes: Uint8Array, name: string): Sound {
  expectArguments('decodeWav', { bytes, name }, { bytes: 'bytes', name: 'text' });
  const fault = (problem: string) => new DataError(`${name}: ${problem}`);
  if (!isWav(bytes)) throw fault('is no WAV file; convert it to WAV');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let format: Format | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = new TextDecoder('latin1').decode(bytes.subarray(at, at + 4));
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    if (id === 'fmt ' && size >= 16 && start + size <= bytes.length) format = formatAt(view, start, size);
    if (id === 'data') {
      if (!format) throw fault('its samples come before their format; it is damaged, so write it again');
      // A program that wrote into a pipe could not know the size.
      const streamed = size === 0xffffffff || (size === 0 && start < bytes.length);
      const end = streamed ? bytes.length : start + size;
      if (end > bytes.length) {
        throw fault(`says ${size} bytes of samples, and ${bytes.length - start} are there; copy it again`);
      }
      return samplesOf(view, format, start, end, fault);
    }
    // Chunks begin at even places.
    at = start + size + (size % 2);
  }
  throw fault('has no samples; it is cut short or damaged, so copy it again');
}

function formatAt(view: DataView, at: number, size: number): Format {
  const code = view.getUint16(at, true);
  return {
    code: code === EXTENSIBLE && size >= 26 ? view.getUint16(at + 24, true) : code,
    channels: view.getUint16(at + 2, true),
    sampleRate: view.getUint32(at + 4, true),
    bits: view.getUint16(at + 14, true),
  };
}

function samplesOf(
  view: DataView,
  { code, channels, sampleRate, bits }: Format,
  start: number,
  end: number,
  fault: (problem: string) => DataError,
): Sound {
  const read = READERS[`${code} ${bits}`];
  if (!read) {
    const kind =
      OTHERS[code] ?? (code === WHOLE || code === FLOAT ? `samples of ${bits} bits` : `format ${code}`);
    throw fault(`has ${kind}; convert it to WAV of 16 bits`);
  }
  if (channels < 1 || channels > MOST_CHANNELS || sampleRate < 1) {
    throw fault(`has ${channels} channels at ${sampleRate} Hz; it is damaged, so write it again`);
  }
  const bytes = bits / 8;
  const count = Math.floor((end - start) / (bytes * channels));
  const data = Array.from({ length: channels }, () => new Float32Array(count));
  let at = start;
  for (let i = 0; i < count; i++) {
    for (const channel of data) {
      channel[i] = read(view, at);
      at += bytes;
    }
  }
  return { sampleRate, channels: data };
}

/** The mean of the channels of a sound: one channel. */
export function toMono(sound: Pick<Sound, 'channels'>): Float32Array {
  expectArguments('toMono', { sound }, { sound: { channels: ['values'] } });
  const { channels } = sound;
  const [first, ...more] = channels;
  if (!first) throw new DataError('toMono: the sound has no channel; give at least one');
  if (more.length === 0) return first;
  return first.map((value, i) => more.reduce((sum, channel) => sum + channel[i]!, value) / channels.length);
}
