import { expectArguments, shownValue } from '../../arguments.ts';
import type { HostTensor } from '../../data/batch.ts';
import { DataError, UsageError } from '../../errors.ts';
import { expectOneOf, withDefaults } from '../../options.ts';

/** How the vectors of a video's frames become one: their mean, the greatest of each number, or one after the other. */
export type FramePooling = 'mean' | 'max' | 'concat';

/** Options of `poolFrames`. */
export interface PoolFramesOptions {
  /** Whether the result is divided by its length: x / max(||x||, 1e-12). Default false. */
  readonly normalize?: boolean;
}

/**
 * Makes one vector of those of a video's frames.
 *
 * @param frames The vectors of the frames [n,d], in order.
 * @param pooling `mean`, `max`, or `concat`, whose result has n d numbers.
 * @param options Whether the result is normalised.
 * @throws DataError for no frame; UsageError for another pooling, and for what is no list of vectors.
 */
export function poolFrames(
  frames: HostTensor,
  pooling: FramePooling = 'mean',
  options: PoolFramesOptions = {},
): Float32Array {
  const call = 'poolFrames';
  expectArguments(call, { frames }, { frames: { data: 'values', shape: 'values' } });
  expectOneOf(call, 'pooling', pooling, ['mean', 'max', 'concat']);
  const { normalize } = withDefaults(call, options, { normalize: false });
  expectArguments(call, { normalize }, { normalize: 'flag' });
  const { data, shape } = frames;
  const [count = 0, dimension = 0] = shape;
  if (shape.length !== 2 || data.length !== count * dimension) {
    throw new UsageError(
      `${call}: frames have the shape [${shape}] and ${data.length} numbers; give the vectors of an embedder, [n,d]`,
    );
  }
  if (count === 0) throw new DataError(`${call}: there is no frame; give at least one`);
  // In float64, so that the mean of many frames loses nothing.
  const sums =
    pooling === 'concat' ? Float64Array.from(data) : Float64Array.from(data.subarray(0, dimension));
  if (pooling !== 'concat') {
    for (let i = dimension; i < data.length; i++) {
      const at = i % dimension;
      if (pooling === 'mean') sums[at]! += data[i]!;
      else if (data[i]! > sums[at]!) sums[at] = data[i]!;
    }
  }
  const divisor = pooling === 'mean' ? count : 1;
  const length = Math.sqrt(sums.reduce((sum, value) => sum + (value / divisor) ** 2, 0));
  const scale = divisor * (normalize ? Math.max(length, 1e-12) : 1);
  return Float32Array.from(sums, (value) => value / scale);
}

/** More frames than anybody has vectors of: 12 days at 16 in a second. */
const MOST_FRAMES = 2 ** 24;

/** A frame of a video. */
export interface FrameAt {
  /** Its place among all frames, from 0. */
  readonly frame: number;
  /** The moment for which it was chosen, in seconds. */
  readonly time: number;
}

/**
 * Chooses frames of a video at a rate: those that are shown at 0, 1 / fps, 2 / fps … seconds.
 *
 * @param durations How long each frame is shown, in seconds.
 * @param fps Frames that are chosen in a second; a slow frame may be chosen several times.
 * @returns The frames in order; of no frame none.
 * @throws UsageError for a rate that is not above 0, and for durations that are negative or no numbers; DataError where it would choose
 * more than 2^24 frames.
 */
export function framesAt(durations: ArrayLike<number>, fps: number): FrameAt[] {
  expectArguments('framesAt', { durations, fps }, { durations: 'values', fps: 'number' });
  if (!(fps > 0 && Number.isFinite(fps))) {
    throw new UsageError(`framesAt: fps is ${shownValue(fps)}; give a number above 0`);
  }
  const bad = Array.from(durations).find((duration) => !(duration >= 0 && Number.isFinite(duration)));
  if (bad !== undefined) {
    throw new UsageError(`framesAt: a duration is ${bad}; give seconds of 0 or more`);
  }
  const seconds = Array.from(durations).reduce((sum, duration) => sum + duration, 0);
  if (seconds * fps > MOST_FRAMES) {
    throw new DataError(
      `framesAt: fps ${fps} chooses ${Math.ceil(seconds * fps)} frames of ${seconds} seconds; choose a lower rate, of at most ${MOST_FRAMES} frames`,
    );
  }
  const found: FrameAt[] = [];
  let end = 0;
  for (let frame = 0; frame < durations.length; frame++) {
    end += durations[frame]!;
    // A little less, so that the sum of many tenths of a second does not give one frame more.
    while (found.length / fps < end - 1e-9) found.push({ frame, time: found.length / fps });
  }
  if (found.length === 0 && durations.length > 0) found.push({ frame: 0, time: 0 });
  return found;
}
