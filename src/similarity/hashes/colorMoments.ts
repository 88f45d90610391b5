import { expectArguments } from '../../arguments.ts';
import { ShapeError } from '../../errors.ts';
import type { ByteImage } from './greyImage.ts';
import { blur3, colorsOf, hsvOf, type RgbBytes, resizeCubic, yCrCbOf } from './opencv.ts';

/** The side to which the image is resized. */
const SIDE = 512;
/** Seven moments of each of six channels. */
const LENGTH = 42;

/** The seven invariants of Hu of a plane of bytes, in the order of OpenCV's operations (moments.cpp). */
function huMoments(plane: Uint8Array, side: number): number[] {
  let [m00, m10, m01, m20, m11, m02, m30, m21, m12, m03] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  // Sums of whole numbers below 2^53, which no order changes.
  for (let y = 0; y < side; y++) {
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let x = 0; x < side; x++) {
      const value = plane[y * side + x]!;
      s0 += value;
      s1 += value * x;
      s2 += value * x * x;
      s3 += value * x * x * x;
    }
    m00 += s0;
    m10 += s1;
    m01 += s0 * y;
    m20 += s2;
    m11 += s1 * y;
    m02 += s0 * y * y;
    m30 += s3;
    m21 += s2 * y;
    m12 += s1 * y * y;
    m03 += s0 * y * y * y;
  }
  const inverse = m00 > 0 ? 1 / m00 : 0;
  const [cx, cy] = [m10 * inverse, m01 * inverse];
  const mu20 = m20 - m10 * cx;
  const mu11 = m11 - m10 * cy;
  const mu02 = m02 - m01 * cy;
  const mu30 = m30 - cx * (3 * mu20 + cx * m10);
  const mu21 = m21 - cx * (2 * mu11 + cx * m01) - cy * mu20;
  const mu12 = m12 - cy * (2 * mu11 + cy * m10) - cx * mu02;
  const mu03 = m03 - cy * (3 * mu02 + cy * m01);
  const s2 = inverse * inverse;
  const s3 = s2 * Math.sqrt(inverse);
  const [nu20, nu11, nu02] = [mu20 * s2, mu11 * s2, mu02 * s2];
  const [nu30, nu21, nu12, nu03] = [mu30 * s3, mu21 * s3, mu12 * s3, mu03 * s3];
  const [t0, t1] = [nu30 + nu12, nu21 + nu03];
  const [t00, t11] = [t0 * t0, t1 * t1];
  const [p, q] = [nu30 - 3 * nu12, 3 * nu21 - nu03];
  const [u, v] = [t0 * (t00 - 3 * t11), t1 * (3 * t00 - t11)];
  const n4 = 4 * nu11;
  const d = nu20 - nu02;
  return [
    nu20 + nu02,
    d * d + n4 * nu11,
    p * p + q * q,
    t00 + t11,
    p * u + q * v,
    d * (t00 - t11) + n4 * t0 * t1,
    q * u - p * v,
  ];
}

/** An image as red, green and blue. */
function rgbOf(call: string, image: ByteImage): RgbBytes {
  const { channels, data } = colorsOf(call, image);
  const { width, height } = image;
  if (channels === 3) return { width, height, data };
  const rgb = new Uint8Array(data.length * 3);
  for (let i = 0; i < rgb.length; i++) rgb[i] = data[Math.floor(i / 3)]!;
  return { width, height, data: rgb };
}

/**
 * The colour moment hash: the image is resized to 512 x 512 pixels (cubic) and blurred (3 x 3); Hu's seven invariant moments are taken of hue,
 * saturation and value, and then of Y, Cr and Cb. They change little where an image is turned. To the last bit OpenCV's
 * `img_hash.colorMomentHash` (4.x, without fused products and sums) of the same image, there in the order blue, green, red. Alpha is dropped.
 * Source: Z. Tang, Y. Dai and X. Zhang, Perceptual hashing for color images using invariant moments, 2012.
 *
 * @returns 42 numbers, which `colorMomentDistance` compares: no bits.
 * @throws ShapeError for a length that does not fit the size.
 */
export function colorMomentHash(image: ByteImage): Float64Array {
  const blurred = blur3(resizeCubic(rgbOf('colorMomentHash', image), SIDE));
  return Float64Array.from(
    [...hsvOf(blurred), ...yCrCbOf(blurred)].flatMap((plane) => huMoments(plane, SIDE)),
  );
}

/**
 * How far two colour moment hashes are from each other: 10000 times their Euclidean distance, as OpenCV's `compare`.
 *
 * @throws ShapeError for anything but 42 numbers each.
 */
export function colorMomentDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expectArguments('colorMomentDistance', { a, b }, { a: 'values', b: 'values' });
  if (a.length !== LENGTH || b.length !== LENGTH) {
    throw new ShapeError(
      `colorMomentDistance: hashes of ${a.length} and ${b.length} numbers; give two of colorMomentHash, which have ${LENGTH}`,
    );
  }
  let sum = 0;
  for (let i = 0; i < LENGTH; i++) sum += (a[i]! - b[i]!) ** 2;
  return 10_000 * Math.sqrt(sum);
}
