import type { Call } from '../operator.ts';
import type { Value } from '../value.ts';

/** Zeros before and after each of the two dimensions of an image. */
export type Sides = readonly [readonly [number, number], readonly [number, number]];

/** The windows of a convolution or pooling over images, in ONNX's attributes, of two dimensions. */
export interface Windows {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly pads: Sides;
  /** Whether the image has one dimension only; it is computed as one of height 1 then. */
  readonly flat: boolean;
}

const two = (values: readonly number[], first: number): readonly [number, number] =>
  values.length === 1 ? [first, values[0]!] : [values[0]!, values[1]!];

/**
 * Reads kernel_shape, strides, dilations, pads and auto_pad. `x` is [N,C,H,W] or [N,C,L]. Throws UnsupportedError for more
 * dimensions.
 */
export function windowsOf(call: Call, x: Value, kernelShape: readonly number[]): Windows {
  const spatial = x.rank - 2;
  if (spatial !== 1 && spatial !== 2) {
    call.refuse(`of ${spatial} dimensions besides batch and channels; one and two are supported`);
  }
  const { attrs } = call;
  const ones = new Array<number>(spatial).fill(1);
  const kernel = attrs.ints('kernel_shape', kernelShape);
  const strides = attrs.ints('strides', ones);
  const dilations = attrs.ints('dilations', ones);
  const auto = attrs.string('auto_pad', 'NOTSET');
  let pads = attrs.ints('pads', new Array<number>(2 * spatial).fill(0));
  if (auto !== 'NOTSET') {
    const totals = x.shape.slice(2).map((size, i) => {
      if (auto === 'VALID') return 0;
      const out = Math.ceil(size / strides[i]!);
      return Math.max((out - 1) * strides[i]! + (kernel[i]! - 1) * dilations[i]! + 1 - size, 0);
    });
    // An odd pixel is added at the end for SAME_UPPER, at the beginning for SAME_LOWER.
    const less = totals.map((total) => Math.floor(total / 2));
    const more = totals.map((total, i) => total - less[i]!);
    pads = auto === 'SAME_LOWER' ? [...more, ...less] : [...less, ...more];
  }
  const sides = Array.from({ length: spatial }, (_, i) => [pads[i]!, pads[i + spatial]!] as const);
  return {
    kernel: two(kernel, 1),
    stride: two(strides, 1),
    dilation: two(dilations, 1),
    pads: spatial === 1 ? [[0, 0], sides[0]!] : [sides[0]!, sides[1]!],
    flat: spatial === 1,
  };
}

/** Whether as many zeros come before as after, in both dimensions. */
export const isEven = (pads: Sides): boolean => pads.every(([before, after]) => before === after);
