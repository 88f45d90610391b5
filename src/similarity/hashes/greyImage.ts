import { expectArguments } from '../../arguments.ts';
import { ShapeError } from '../../errors.ts';

/** An image of bytes, as files and canvases have them. */
export interface ByteImage {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** [height, width, channels] from 0 to 255. The length tells the channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** One byte a pixel. */
export interface GreyImage {
  readonly width: number;
  readonly height: number;
  /** [height, width]. */
  readonly data: Uint8Array;
}

/** The number of channels of an image. Throws ShapeError where its length is not 1 to 4 bytes a pixel. */
export function channelsOf(call: string, image: ByteImage): number {
  expectArguments(call, { image }, { image: { width: 'number', height: 'number', data: 'values' } });
  const { width, height, data } = image;
  const channels = data.length / (width * height);
  const bytes = data instanceof Uint8Array || data instanceof Uint8ClampedArray;
  const whole = [width, height].every((side) => Number.isInteger(side) && side > 0);
  if (bytes && whole && [1, 2, 3, 4].includes(channels)) return channels;
  throw new ShapeError(
    `${call}: ${data.length} ${bytes ? 'bytes' : 'values that are no bytes'} for an image of ${width}x${height}; give a Uint8Array of 1 (grey), 2, 3 (RGB) or 4 (RGBA) bytes a pixel`,
  );
}

/**
 * The image in grey, as Pillow's `convert('L')`: (19595 R + 38470 G + 7471 B + 32768) >> 16, ITU-R BT.601's weights in 16 bits. Alpha is
 * dropped: a transparent pixel has the colour that it hides.
 */
export function greyOf(call: string, image: ByteImage): GreyImage {
  const channels = channelsOf(call, image);
  const { width, height, data } = image;
  if (channels === 1)
    return { width, height, data: new Uint8Array(data.buffer, data.byteOffset, data.length) };
  const grey = new Uint8Array(width * height);
  if (channels === 2) {
    for (let i = 0; i < grey.length; i++) grey[i] = data[2 * i]!;
  } else {
    for (let i = 0, from = 0; i < grey.length; i++, from += channels) {
      grey[i] = (data[from]! * 19595 + data[from + 1]! * 38470 + data[from + 2]! * 7471 + 0x8000) >> 16;
    }
  }
  return { width, height, data: grey };
}
