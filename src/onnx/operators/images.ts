import type { Tensor } from '../../graph/tensor.ts';
import { channelsLast, Value } from '../value.ts';

/** [N,C,H,W], or [N,C,L] as an image of height 1, as [N,H,W,C]. */
export function image(x: Value): Tensor {
  const tensor = x.tensor(channelsLast(x.rank));
  if (x.rank === 4) return tensor;
  const [N, L, C] = tensor.shape as [number, number, number];
  return tensor.reshape([N, 1, L, C]);
}

/** What was computed of an image as a value, without the height where the input had none. */
export function ofImage(like: Value, result: Tensor): Value {
  const [N, , W, C] = result.shape as [number, number, number, number];
  const tensor = like.rank === 4 ? result : result.reshape([N, W, C]);
  return Value.of(like.type, tensor, channelsLast(like.rank));
}
