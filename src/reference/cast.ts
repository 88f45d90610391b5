import type { CastAttrs } from '../kernels/elementwise/cast.ts';
import { isFloat } from '../shape.ts';
import { type Reference, refArray } from './reference.ts';

export const cast: Reference<'x', never, 'y', CastAttrs> = ({ x }, { dtype }, outputs) => {
  const y = refArray(outputs.y);
  const [low, high] = dtype === 'i32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
  x.data.forEach((v: number, i: number) => {
    // Rounding is the device's; in float64 a float stays what it is.
    if (isFloat(dtype)) y[i] = v;
    // Typed arrays keep integers modulo 2^32, as WGSL does.
    else if (x.dtype === 'i32' || x.dtype === 'u32') y[i] = v;
    else y[i] = Number.isNaN(v) ? 0 : Math.min(Math.max(Math.trunc(v), low), high);
  });
  return { y };
};
