import type { Tensor } from '../../graph/tensor.ts';
import { channelsLast, Value } from '../value.ts';

/** [N,C,H,W] as [N,H,W,C]; [N,C,L] as an image of height 1; of [N,C,D,H,W] every slice as an image: [N D,H,W,C]. */
export function image(x: Value): Tensor {
  const tensor = x.tensor(channelsLast(x.rank));
  if (x.rank === 4) return tensor;
  if (x.rank === 3) {
    const [N, L, C] = tensor.shape as [number, number, number];
    return tensor.reshape([N, 1, L, C]);
  }
  const [N, D, H, W, C] = tensor.shape as [number, number, number, number, number];
  return tensor.reshape([N * D, H, W, C]);
}

/** What was computed of an image as a value of the rank and batch of the input. */
export function ofImage(like: Value, result: Tensor): Value {
  const [N, H, W, C] = result.shape as [number, number, number, number];
  const batch = like.shape[0]!;
  const shape =
    like.rank === 4 ? result.shape : like.rank === 3 ? [N, W, C] : [batch, N / (batch || 1), H, W, C];
  return Value.of(like.type, result.reshape(shape), channelsLast(like.rank));
}

/** A function along the depth of [N,C,D,H,W]: of the volume as images of D rows, [N,D,H W,C]. */
export function alongDepth(x: Value, compute: (x: Tensor) => Tensor): Value {
  const tensor = x.tensor(channelsLast(5));
  const [N, D, H, W, C] = tensor.shape as [number, number, number, number, number];
  const y = compute(tensor.reshape([N, D, H * W, C]));
  return Value.of(x.type, y.reshape([N, y.shape[1]!, H, W, C]), channelsLast(5));
}
