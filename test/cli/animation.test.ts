import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mediaInputs, mediaOpener } from '../../cli/src/embed/media.ts';
import { DataError } from '../../src/errors.ts';
import type { Gpu } from '../../src/plan/gpu.ts';

let folder: string;
const at = (name: string) => path.join(folder, name);
const SIDE = 800;
/** Of each of 40 frames: its red. The palette of each has a colour, so that it is kept nearly as it is. */
const RED = Array.from({ length: 40 }, (_, i) => 20 + 5 * i);

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-animation-'));
  // 26 of these frames are decoded at a time.
  const frames = await Promise.all(
    RED.map((r) =>
      sharp({ create: { width: SIDE, height: SIDE, channels: 3, background: { r, g: 90, b: 40 } } })
        .png({ compressionLevel: 1 })
        .toBuffer(),
    ),
  );
  await sharp(frames, { join: { animated: true } })
    .gif({ delay: RED.map((_, i) => (i === 20 ? 1100 : 100)), effort: 1, dither: 0 })
    .toFile(at('long.gif'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The red of each frame that is chosen, and when. */
async function framesOf(name: string, fps: number) {
  const [media] = await mediaInputs([at(name)], {});
  const reds: number[] = [];
  // No sound is opened, which a GPU would be for.
  const { open } = mediaOpener({} as Gpu, { fps, sampleRate: 16_000 });
  for await (const { data, width, height } of open(media!)) {
    expect([width, height]).toEqual([SIDE, SIDE]);
    expect(data.at(-3)).toBe(data[0]);
    reds.push(data[0]! * 255);
  }
  return { reds, times: media!.times };
}

it('gives the frames of an animation that are shown at each moment, also where they are decoded in several blocks', async () => {
  const { reds, times } = await framesOf('long.gif', 1);
  expect(times).toEqual([0, 1, 2, 3, 4]);
  // Frame 20 is shown for 1.1 seconds: also at 3.
  expect(reds).toHaveLength(5);
  [0, 10, 20, 20, 30].forEach((frame, i) => {
    expect(Math.abs(reds[i]! - RED[frame]!)).toBeLessThan(2);
  });
});

it('says which animation is cut off', async () => {
  const whole = await sharp(at('long.gif'), { pages: 9 })
    .resize(SIDE / 10)
    .webp({ lossless: true })
    .toBuffer();
  writeFileSync(at('cut.webp'), whole.subarray(0, Math.round(whole.length * 0.7)));
  const reading = framesOf('cut.webp', 1);
  await expect(reading).rejects.toThrow(DataError);
  await expect(reading).rejects.toThrow(/cut\.webp: truncated or damaged WebP/);
});
