import type { Call } from '../operator.ts';
import type { Value } from '../value.ts';

/** Before and after, in each of the spatial dimensions. */
export type Sides = readonly (readonly [number, number])[];

/** The windows of a convolution or pooling, in each of the spatial dimensions. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly pads: Sides;
}

/**
 * Reads kernel_shape, strides, dilations, pads and auto_pad. `x` is [N,C,L], [N,C,H,W] or [N,C,D,H,W]. Throws UnsupportedError for
 * more dimensions.
 */
export function windowsOf(call: Call, x: Value, kernelShape: readonly number[]): Windows {
  const spatial = x.rank - 2;
  if (spatial < 1 || spatial > 3) {
    call.refuse(`of ${spatial} dimensions besides batch and channels; one, two and three are supported`);
  }
  const { attrs } = call;
  const ones = new Array<number>(spatial).fill(1);
  const kernel = attrs.ints('kernel_shape', kernelShape);
  const stride = attrs.ints('strides', ones);
  const dilation = attrs.ints('dilations', ones);
  const auto = attrs.string('auto_pad', 'NOTSET');
  let pads = attrs.ints('pads', new Array<number>(2 * spatial).fill(0));
  for (const [name, list, length] of [
    ['kernel_shape', kernel, spatial],
    ['strides', stride, spatial],
    ['dilations', dilation, spatial],
    ['pads', pads, 2 * spatial],
  ] as const) {
    if (list.length !== length) call.damaged(`${name} [${list}] has ${list.length} numbers, not ${length}`);
  }
  const sizes = [...kernel, ...stride, ...dilation];
  if (!sizes.every((size) => Number.isInteger(size) && size > 0 && size < 2 ** 24)) {
    call.damaged(`kernel_shape [${kernel}], strides [${stride}] or dilations [${dilation}] are no sizes`);
  }
  if (!pads.every((side) => Math.abs(side) < 2 ** 24)) call.damaged(`pads [${pads}] are no sizes`);
  if (auto !== 'NOTSET') {
    const totals = x.shape.slice(2).map((size, i) => {
      if (auto === 'VALID') return 0;
      const out = Math.ceil(size / stride[i]!);
      return Math.max((out - 1) * stride[i]! + (kernel[i]! - 1) * dilation[i]! + 1 - size, 0);
    });
    // An odd pixel is added at the end for SAME_UPPER, at the beginning for SAME_LOWER.
    const less = totals.map((total) => Math.floor(total / 2));
    const more = totals.map((total, i) => total - less[i]!);
    pads = auto === 'SAME_LOWER' ? [...more, ...less] : [...less, ...more];
  }
  return { kernel, stride, dilation, pads: ones.map((_, i) => [pads[i]!, pads[i + spatial]!] as const) };
}

/** Whether as many zeros come before as after, in all dimensions. */
export const isEven = (pads: Sides): boolean => pads.every(([before, after]) => before === after);

/** The last two spatial dimensions; of one, a height of `fill` before it. */
export function lastTwo<T>(values: readonly T[], fill: T): readonly [T, T] {
  return values.length === 1 ? [fill, values[0]!] : [values.at(-2)!, values.at(-1)!];
}
