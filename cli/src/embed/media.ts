import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError, type Gpu, UsageError } from 'fovea';
import type { FloatImage } from 'fovea/data';
import {
  decodeWav,
  framesAt,
  isWav,
  MelSpectrogram,
  melImages,
  resample,
  type Sound,
  toMono,
} from 'fovea/similarity';
import sharp, { type OutputInfo } from 'sharp';
import { addressOf } from '../address.ts';
import { expectFile, fileProblem, readInput } from '../files.ts';
import { imageInputs } from '../imageInputs.ts';
import { decodeImage, diagnose, loadImage } from '../images.ts';
import { soundOf, videoFrames } from './ffmpeg.ts';

const VIDEOS = [
  '.mp4',
  '.m4v',
  '.mov',
  '.webm',
  '.mkv',
  '.avi',
  '.mpg',
  '.mpeg',
  '.ogv',
  '.wmv',
  '.flv',
  '.3gp',
];
const SOUNDS = ['.wav', '.mp3', '.flac', '.ogg', '.oga', '.opus', '.m4a', '.aac', '.wma', '.aif', '.aiff'];
/** Formats of images that may be animated. */
const ANIMATED = ['.gif', '.webp'];

/** Three hours at 16 kHz. */
const MOST_SAMPLES = 2 ** 28;

/** What a file is embedded as. */
export type MediaKind = 'image' | 'video' | 'sound';

/** A file, or a folder of frames, to embed. `times`: when each of the images that it gave is shown, in seconds. */
export interface Media {
  readonly file: string;
  readonly kind: MediaKind;
  readonly times: number[];
}

const extension = (file: string): string => path.extname(file).toLowerCase();
const kindOf = (file: string): MediaKind =>
  VIDEOS.includes(extension(file)) ? 'video' : SOUNDS.includes(extension(file)) ? 'sound' : 'image';

/** Whether an image has several pages that are shown one after the other. Undecided for files that cannot be read: reading them says why. */
async function isAnimation(file: string): Promise<boolean> {
  if (!ANIMATED.includes(extension(file))) return false;
  const found = await expectFile(file)
    .then(() => sharp(file).metadata())
    .catch(() => undefined);
  return (found?.pages ?? 1) > 1;
}

/** The videos and sounds in a folder, by name, and in those below it. */
async function mediaIn(folder: string, recursive: boolean): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
    throw new DataError(`${folder}: cannot be read (${fileProblem(error)}); check the path`, {
      cause: error,
    });
  });
  const found: string[] = [];
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const file = path.join(folder, entry.name);
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) {
      if (recursive) found.push(...(await mediaIn(file, recursive)));
    } else if (kindOf(file) !== 'image') found.push(file);
  }
  return found;
}

/** Which files are meant, and what a folder is. */
export interface MediaOptions {
  readonly recursive?: boolean;
  /** Whether each folder that is given is one video, whose frames are its images. */
  readonly frameFolders?: boolean;
}

/** Lists what is to be embedded: files as they are given, of folders the images, the videos and the sounds, and of an object store the images. Throws DataError for a folder of none. */
export async function mediaInputs(paths: readonly string[], options: MediaOptions): Promise<Media[]> {
  const { recursive = false, frameFolders = false } = options;
  const media = new Map<string, Media>();
  const add = async (file: string, kind = kindOf(file)): Promise<void> => {
    const stored = addressOf(file);
    const own = !stored && kind === 'image' && (await isAnimation(file)) ? 'video' : kind;
    const whole = stored?.url ?? path.resolve(file);
    if (!media.has(whole)) media.set(whole, { file, kind: own, times: [] });
  };
  for (const given of paths) {
    if (addressOf(given)) {
      for (const { file } of await imageInputs([given], { stored: true })) await add(file, 'image');
      continue;
    }
    const isFolder = await stat(given).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isFolder) await add(given);
    else if (frameFolders) await add(given, 'video');
    else {
      const others = await mediaIn(given, recursive);
      const images = await imageInputs([given], { recursive }).catch((error: unknown) => {
        if (others.length > 0 && error instanceof DataError) return [];
        throw error;
      });
      for (const { file } of images) await add(file);
      for (const file of others) await add(file);
    }
  }
  return [...media.values()];
}

/** Bytes of the frames of an animation that are decoded at a time, about. */
const BLOCK_BYTES = 2 ** 26;

/**
 * The frames of an animation that are shown at the moments of a rate. To give any frame, the decoder goes through all before it: so many are
 * decoded at a time as fit.
 */
async function* animationFrames(media: Media, fps: number): AsyncGenerator<FloatImage, void> {
  const bytes = await readInput(media.file);
  const {
    pages = 1,
    delay,
    width,
    height,
  } = await sharp(bytes)
    .metadata()
    .catch((error: unknown) => {
      throw diagnose(media.file, bytes, error);
    });
  // As browsers do it, a tenth of a second for frames without a duration.
  const durations = Array.from({ length: pages }, (_, i) => {
    const milliseconds = delay?.[i] ?? 100;
    return milliseconds <= 10 ? 0.1 : milliseconds / 1000;
  });
  const most = Math.max(1, Math.floor(BLOCK_BYTES / (4 * width * height)));
  let [start, end] = [0, 0];
  let block: { readonly data: Buffer; readonly info: OutputInfo } | undefined;
  for (const { frame, time } of framesAt(durations, fps)) {
    if (!block || frame >= end) {
      [start, end] = [frame, Math.min(frame + most, pages)];
      block = await sharp(bytes, { page: start, pages: end - start })
        .raw()
        .toBuffer({ resolveWithObject: true })
        .catch((error: unknown) => {
          throw diagnose(media.file, bytes, error);
        });
    }
    const { data, info } = block;
    const raw = { width: info.width, height: info.height / (end - start), channels: info.channels };
    const size = raw.width * raw.height * raw.channels;
    const one = sharp(data.subarray((frame - start) * size, (frame - start + 1) * size), { raw });
    media.times.push(time);
    yield decodeImage(await one.png().toBuffer(), `${media.file} (frame ${frame})`);
  }
}

/** The samples of a WAV file at a rate. Throws DataError for a file whose own rate, or length, cannot be brought to it. */
function resampled(file: string, sound: Sound, sampleRate: number): Float32Array {
  const mono = toMono(sound);
  if ((mono.length / sound.sampleRate) * sampleRate > MOST_SAMPLES) {
    throw new DataError(
      `${file}: is longer than ${Math.floor(MOST_SAMPLES / sampleRate)} seconds; cut it into parts`,
    );
  }
  try {
    return resample(mono, sound.sampleRate, sampleRate);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new DataError(`${file}: ${error.message}`, { cause: error });
  }
}

/** How the images of videos and sounds are made. */
export interface MediaRates {
  /** Frames of a video in a second. */
  readonly fps: number;
  /** Images of a folder of frames in a second; every one is taken where there is no rate. */
  readonly folderFps?: number;
  /** Samples of a sound in a second. */
  readonly sampleRate: number;
}

/** Gives the images of media, and notes their times. */
export function mediaOpener(gpu: Gpu, { fps, folderFps, sampleRate }: MediaRates) {
  let mel: MelSpectrogram | undefined;
  async function* frames(media: Media): AsyncGenerator<FloatImage, void> {
    const { file, times } = media;
    if ((await stat(file).catch(() => undefined))?.isDirectory()) {
      const images = await imageInputs([file], {});
      const rate = folderFps ?? fps;
      const durations = new Array<number>(images.length).fill(1 / rate);
      for (const { frame, time } of framesAt(durations, fps)) {
        times.push(time);
        yield loadImage(images[frame]!.file);
      }
      return;
    }
    if (ANIMATED.includes(extension(file))) {
      yield* animationFrames(media, fps);
      return;
    }
    for await (const image of videoFrames(file, fps)) {
      times.push(times.length / fps);
      yield image;
    }
    if (times.length === 0) throw new DataError(`${file}: has no frame; check that it is a video`);
  }
  async function* parts({ file, times }: Media): AsyncGenerator<FloatImage, void> {
    const bytes = extension(file) === '.wav' ? await readInput(file) : undefined;
    const sound = bytes && isWav(bytes) ? decodeWav(bytes, file) : undefined;
    const samples = sound
      ? resampled(file, sound, sampleRate)
      : await soundOf(file, sampleRate, MOST_SAMPLES);
    // Frames of 25 ms, a hundred a second.
    const nFft = Math.round(sampleRate / 40);
    mel ??= new MelSpectrogram(gpu, {
      sampleRate,
      nFft,
      hopLength: Math.round(sampleRate / 100),
      nMels: 64,
      norm: 'slaney',
      melScale: 'slaney',
    });
    for (const { image, time } of await melImages(mel, samples)) {
      times.push(time);
      yield image;
    }
  }
  return {
    open(media: Media): AsyncGenerator<FloatImage, void> {
      if (media.kind === 'video') return frames(media);
      if (media.kind === 'sound') return parts(media);
      return one(media);
    },
    dispose: () => mel?.dispose(),
  };
}

async function* one({ file }: Media): AsyncGenerator<FloatImage, void> {
  yield await loadImage(file);
}
