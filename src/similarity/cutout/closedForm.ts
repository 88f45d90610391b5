import { expectArguments, SIZE } from '../../arguments.ts';
import { ShapeError, UsageError } from '../../errors.ts';
import { withDefaults } from '../../options.ts';
import { inSlices } from '../../plan/slices.ts';
import { conjugateGradient } from './conjugateGradient.ts';
import { cropPixels, expectImage, expectMatte, type Matte, type Region, type RgbPixels } from './matte.ts';
import { knowsBoth, mattingLaplacian } from './mattingLaplacian.ts';
import { byTiles } from './tiles.ts';
import { FOREGROUND, type Trimap, UNKNOWN } from './trimap.ts';

/** Options of `closedFormMatte`. */
export interface ClosedFormOptions {
  /** How much the colours of a window may differ from a line, as a variance of values in 0..1, times 9. Default 1e-7, as pymatting's. */
  readonly epsilon?: number;
  /** Stops where what is left over is this share of the right side of the equations. Default 1e-6: alpha is then within 1/255 of the solution. */
  readonly rtol?: number;
  /** The most steps of conjugate gradients. Default 10000. */
  readonly maxIterations?: number;
  /** A matte to start from, such as that of a network; it also stands where a tile, or the whole image, has no known foreground or no known background. Default: zeros. */
  readonly start?: Matte | undefined;
  /** Larger images are solved in tiles of this side in pixels, which overlap by an eighth. Default 1024. */
  readonly tile?: number;
}

const isWhole = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least;

/** A part of a map of one value per pixel. */
function cropMap<T extends Float32Array | Uint8Array>(
  data: T,
  across: number,
  { x, y, width, height }: Region,
): T {
  const part = new (data.constructor as new (length: number) => T)(width * height);
  for (let row = 0; row < height; row++) {
    const start = (y + row) * across + x;
    part.set(data.subarray(start, start + width), row * width);
  }
  return part;
}

/** Solves one tile. */
function* solved(
  image: RgbPixels,
  trimap: Trimap,
  start: Float32Array,
  options: { readonly epsilon: number; readonly rtol: number; readonly maxIterations: number },
): Generator<void, Float32Array> {
  const alpha = Float32Array.from(trimap.data, (value, i) =>
    value === UNKNOWN ? start[i]! : value === FOREGROUND ? 1 : 0,
  );
  if (!trimap.data.includes(UNKNOWN) || !knowsBoth(trimap)) return alpha;
  // Without a window there is nothing to solve.
  if (Math.min(image.width, image.height) < 3) return alpha;
  const system = yield* mattingLaplacian(image, trimap, options.epsilon);
  const x = Float64Array.from(system.pixels, (pixel) => start[pixel]!);
  yield* conjugateGradient(system, x, options);
  system.pixels.forEach((pixel, i) => {
    alpha[pixel] = Math.min(Math.max(x[i]!, 0), 1);
  });
  return alpha;
}

/**
 * Closed-form matting (Levin, Lischinski and Weiss 2008, "A closed-form solution to natural image matting"): the alpha of unknown pixels that is, in each
 * window of 3x3 pixels, as nearly as can be a linear function of the colour, with that of known pixels fixed. The sparse equations of the unknown
 * pixels are solved by conjugate gradients in float64 on the CPU, as pymatting's `estimate_alpha_cf` does, with rests, so that a page stays alive.
 *
 * Memory goes with the unknown pixels of a tile: about 300 bytes each.
 *
 * @param image The image.
 * @param trimap What is known.
 * @param options Exactness, start and tiles.
 * @returns Alpha in 0..1; that of known pixels is exactly 0 and 1. Without known foreground or background: `start`.
 * @throws UsageError for options that cannot be used; ShapeError for a trimap or start of another size.
 */
export async function closedFormMatte(
  image: RgbPixels,
  trimap: Trimap,
  options: ClosedFormOptions = {},
): Promise<Matte> {
  const call = 'closedFormMatte';
  const {
    start,
    tile: side,
    ...exact
  } = withDefaults(call, options, {
    epsilon: 1e-7,
    rtol: 1e-6,
    maxIterations: 10_000,
    start: undefined,
    tile: 1024,
  });
  expectImage(call, 'image', image);
  expectArguments(call, { trimap }, { trimap: { ...SIZE, data: 'values' } });
  const { width, height } = image;
  if (trimap.width !== width || trimap.height !== height || trimap.data.length !== width * height) {
    throw new ShapeError(
      `${call}: trimap is ${trimap.width}x${trimap.height} with ${trimap.data.length} values, the image ${width}x${height}; give one of the same size`,
    );
  }
  if (start) expectMatte(call, 'start', start, image);
  for (const name of ['epsilon', 'rtol'] as const) {
    if (exact[name] > 0 && exact[name] < Infinity) continue;
    throw new UsageError(`${call}: ${name} is ${exact[name]}; give a number above 0`);
  }
  if (!isWhole(exact.maxIterations, 1)) {
    throw new UsageError(
      `${call}: maxIterations is ${exact.maxIterations}; give a whole number of at least 1`,
    );
  }
  if (!isWhole(side, 64)) {
    throw new UsageError(`${call}: tile is ${side}; give a whole number of pixels of at least 64`);
  }
  const from = start?.data ?? new Float32Array(width * height);
  if (!knowsBoth(trimap)) return { width, height, data: from.slice() };
  const data = await byTiles(image, { side: [side, side], overlap: side >> 3 }, (tile) => {
    const part = { ...tile, data: cropMap(trimap.data, width, tile) };
    return inSlices(solved(cropPixels(image, tile), part, cropMap(from, width, tile), exact));
  });
  return { width, height, data };
}
