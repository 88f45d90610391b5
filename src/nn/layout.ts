import type { TorchLayout } from '../io/layout.ts';

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
