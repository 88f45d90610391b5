import type { Tensor } from '../tensor.ts';
import { cast } from './shape.ts';

/** Floats in f32, for what f16 would overflow or round too much on the way. */
export const inF32 = (x: Tensor): Tensor => cast(x, 'f32');
