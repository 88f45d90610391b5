import type { Shape } from '../shape.ts';

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

/** Convolutions: PyTorch's [O,I,kh,kw] for our [kh,kw,I,O]. Transposed ones too: [I,O,kh,kw] for [kh,kw,O,I]. */
export const convLayout = ([kh, kw, inner, outer]: readonly [
  number,
  number,
  number,
  number,
]): TorchLayout => ({
  shape: [outer, inner, kh, kw],
  outer,
  inner,
  taps: kh * kw,
});

/**
 * Linear layers: PyTorch's [O,I] for our [I,O]; on a flattened map of `pixels` pixels, PyTorch's [O,C H W] for our [H W C,O].
 */
export const linearLayout = (inFeatures: number, outFeatures: number, pixels = 1): TorchLayout => ({
  shape: [outFeatures, inFeatures],
  outer: outFeatures,
  inner: inFeatures / pixels,
  taps: pixels,
});

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
