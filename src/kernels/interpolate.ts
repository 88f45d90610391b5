import { ShapeError } from '../errors.ts';
import { defineResample, type ResampleAxis, type Tap } from './resample.ts';
import { expectSize2, type Size2 } from './spatial.ts';

export interface InterpolateAttrs {
  /** Height and width of y. */
  readonly size: Size2;
  readonly mode: 'nearest' | 'bilinear';
  /** bilinear: corner pixels' centres meet, instead of the images' corners. */
  readonly alignCorners?: boolean;
}

/**
 * PyTorch takes the source pixel in float32 whatever the dtype (ATen/native/UpSample.h,
 * nearest_neighbor_compute_source_index), which decides where `o * input / output` is nearly whole.
 */
function nearestAxis(input: number, size: number): ResampleAxis {
  const scale = Math.fround(input / size);
  const source = (o: number) => Math.min(Math.floor(Math.fround(o * scale)), input - 1);
  return { size, taps: (o) => [[input === size ? o : source(o), 1]] };
}

function bilinearAxis(input: number, size: number, alignCorners: boolean): ResampleAxis {
  const scale = alignCorners ? (size > 1 ? (input - 1) / (size - 1) : 0) : input / size;
  const taps = (o: number): Tap[] => {
    const source = alignCorners ? o * scale : Math.max((o + 0.5) * scale - 0.5, 0);
    const low = Math.min(Math.floor(source), input - 1);
    const high = Math.min(low + 1, input - 1);
    const part = Math.min(source - low, 1);
    return [
      [low, 1 - part],
      [high, part],
    ];
  };
  return { size, taps };
}

const resampled = defineResample('interpolate', (op, input, attrs: InterpolateAttrs) => {
  const { size, mode, alignCorners = false } = attrs;
  expectSize2(op, 'size', size, 1);
  if (mode !== 'nearest' && mode !== 'bilinear') {
    throw new ShapeError(`${op}: mode must be 'nearest' or 'bilinear', got '${mode}'`);
  }
  if (mode === 'nearest' && alignCorners) {
    throw new ShapeError(`${op}: alignCorners true is for mode 'bilinear', got mode '${mode}'; leave it out`);
  }
  const axis = (k: 0 | 1) =>
    mode === 'nearest' ? nearestAxis(input[k], size[k]) : bilinearAxis(input[k], size[k], alignCorners);
  return [axis(0), axis(1)];
});

/**
 * Images scaled to a size, as `torch.nn.functional.interpolate` does. x: [N,H,W,C]; y: [N,h,w,C].
 * 'nearest' takes pixel `floor(o * H / h)` (PyTorch's 'nearest', not 'nearest-exact'); 'bilinear' takes
 * position `(o + 0.5) * H / h - 0.5`, held at the border, or with alignCorners `o * (H - 1) / (h - 1)`.
 * There is no smoothing before shrinking. Throws ShapeError for sizes below 1, an unknown mode, an x
 * without pixels, and alignCorners with 'nearest'.
 */
export const interpolate = resampled.forward;

/** The gradient of interpolate to x: attrs as forward, and inputSize [H,W]. dy: [N,h,w,C]; dx: [N,H,W,C]. */
export const interpolateBackward = resampled.backward;
