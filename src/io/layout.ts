/** The order of the dimensions of weights: Fovea's and PyTorch's. */
import { expectOneOf } from '../options.ts';
import type { Shape } from '../shape.ts';

/** The order of a weight's dimensions in a state dict: Fovea's, or PyTorch's. */
export type Layout = 'fovea' | 'pytorch';

const LAYOUTS: readonly Layout[] = ['fovea', 'pytorch'];

/** Throws UsageError for a layout that there is not; undefined is none. */
export function expectLayout(call: string, layout: Layout | undefined): void {
  if (layout !== undefined) expectOneOf(call, 'layout', layout, LAYOUTS);
}

/** How PyTorch stores a weight: as [outer,inner,taps], where Fovea's is [taps,inner,outer]. */
export interface TorchLayout {
  /** The shape in PyTorch's state dict. */
  readonly shape: Shape;
  /** Output channels, or features. */
  readonly outer: number;
  /** Input channels, or features per pixel. */
  readonly inner: number;
  /** Places of the kernel, or pixels of a flattened map. */
  readonly taps: number;
}

/** A weight in PyTorch's order, in Fovea's. */
export function fromTorch(data: ArrayLike<number>, { outer, inner, taps }: TorchLayout): Float32Array {
  const out = new Float32Array(data.length);
  for (let o = 0, i = 0; o < outer; o++) {
    for (let c = 0; c < inner; c++) {
      for (let tap = 0; tap < taps; tap++) out[(tap * inner + c) * outer + o] = data[i++]!;
    }
  }
  return out;
}

/** A weight in Fovea's order, in PyTorch's. */
export function toTorch(data: ArrayLike<number>, { outer, inner, taps }: TorchLayout): Float32Array {
  const out = new Float32Array(data.length);
  for (let tap = 0, i = 0; tap < taps; tap++) {
    for (let c = 0; c < inner; c++) {
      for (let o = 0; o < outer; o++) out[(o * inner + c) * taps + tap] = data[i++]!;
    }
  }
  return out;
}
