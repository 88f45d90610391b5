import { spawn } from 'node:child_process';
import path from 'node:path';
import { DataError } from 'fovea';
import type { FloatImage } from 'fovea/data';
import { expectFile, fileProblem } from '../files.ts';
import { printable } from '../printable.ts';

/** How much of what FFmpeg says is kept for a message. */
const MOST_SAID = 4000;
/** A larger frame is no video that is embedded. */
const MOST_PIXELS = 2 ** 25;

const MISSING =
  'FFmpeg, which reads it, is not installed; install it (apt install ffmpeg, brew install ffmpeg, winget install ffmpeg), or give a folder of frames, a GIF or a WAV file';

/**
 * Runs FFmpeg on a local file and gives its output as it comes. No shell; nothing but this file is opened, whatever is in it. Ends FFmpeg
 * where the reader stops early. Throws DataError where it is not installed, and for files that it cannot read.
 */
async function* ffmpeg(file: string, options: readonly string[]): AsyncGenerator<Buffer, void> {
  await expectFile(file);
  const input = [
    '-nostdin',
    '-v',
    'error',
    '-protocol_whitelist',
    'file',
    '-i',
    `file:${path.resolve(file)}`,
  ];
  const child = spawn('ffmpeg', [...input, ...options, 'pipe:1'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (said.length < MOST_SAID) said += chunk.toString('latin1');
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  ended.catch(() => undefined);
  try {
    yield* child.stdout as AsyncIterable<Buffer>;
    const code = await ended.catch((error: NodeJS.ErrnoException) => {
      const problem = error.code === 'ENOENT' ? MISSING : `FFmpeg cannot be started (${fileProblem(error)})`;
      throw new DataError(`${file}: ${problem}`, { cause: error });
    });
    if (code !== 0) {
      const line = said.trim().split('\n').at(-1) ?? '';
      throw new DataError(
        `${file}: FFmpeg cannot read it (${printable(line.slice(0, 200)) || `exit code ${code}`})`,
      );
    }
  } finally {
    child.kill('SIGKILL');
  }
}

/** The size in the header of a PPM image, and where its pixels begin; undefined where there is not all of it yet. */
function ppmHeader(bytes: Buffer): { width: number; height: number; start: number } | undefined {
  const found = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.subarray(0, 64).toString('latin1'));
  if (!found) return undefined;
  return { width: Number(found[1]), height: Number(found[2]), start: found[0].length };
}

/**
 * The frames of a video at a rate, as they are shown: turned as the file says. One after the other: those that are not read are not decoded.
 *
 * @param file The video.
 * @param fps Frames in a second.
 */
export async function* videoFrames(file: string, fps: number): AsyncGenerator<FloatImage, void> {
  const options = [
    '-map',
    '0:v:0',
    '-vf',
    `fps=${fps}`,
    '-f',
    'image2pipe',
    '-c:v',
    'ppm',
    '-pix_fmt',
    'rgb24',
  ];
  let chunks: Buffer[] = [];
  let [there, wanted] = [0, 0];
  for await (const chunk of ffmpeg(file, options)) {
    chunks.push(chunk);
    there += chunk.length;
    // Chunks are joined once a frame is whole, not each time one comes.
    while (there > 0 && there >= wanted) {
      const bytes: Buffer = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
      chunks = [bytes];
      const header = ppmHeader(bytes);
      if (!header) break;
      const { width, height, start } = header;
      if (width * height > MOST_PIXELS) {
        throw new DataError(
          `${file}: its frames have ${width}x${height} pixels, more than ${MOST_PIXELS}; scale it down`,
        );
      }
      wanted = start + width * height * 3;
      if (there < wanted) break;
      const data = Float32Array.from(bytes.subarray(start, wanted), (value) => value / 255);
      yield { width, height, channels: 3, data };
      const rest = bytes.subarray(wanted);
      chunks = [rest];
      there = rest.length;
      wanted = 0;
    }
  }
}

/** The sound of a file as one channel at a sample rate. Throws DataError for one of more than `most` samples. */
export async function soundOf(file: string, sampleRate: number, most: number): Promise<Float32Array> {
  const options = ['-map', '0:a:0', '-ac', '1', '-ar', String(sampleRate), '-f', 'f32le'];
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of ffmpeg(file, options)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > 4 * most) {
      throw new DataError(
        `${file}: is longer than ${Math.floor(most / sampleRate)} seconds; cut it into parts`,
      );
    }
  }
  const whole = new Uint8Array(bytes - (bytes % 4));
  whole.set(Buffer.concat(chunks).subarray(0, whole.length));
  return new Float32Array(whole.buffer);
}
