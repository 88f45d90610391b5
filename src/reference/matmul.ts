import { numel, type Shape, stridesOf } from '../shape.ts';
import { type Reference, refArray } from './reference.ts';

export const linear: Reference<'x' | 'weight', 'bias', 'y', object> = (
  { x, weight, bias },
  _attrs,
  outputs,
) => {
  const y = refArray(outputs.y);
  const [I, O] = weight.shape as [number, number];
  for (let at = 0; at < y.length; at++) {
    const [m, o] = [Math.floor(at / O), at % O];
    let sum = bias ? bias.data[o]! : 0;
    for (let i = 0; i < I; i++) sum += x.data[m * I + i]! * weight.data[i * O + o]!;
    y[at] = sum;
  }
  return { y };
};

/** Which matrix of an input stands behind the b-th matrix of the output. */
function batchIndex(b: number, batch: Shape, own: Shape): number {
  const strides = stridesOf(own);
  let rest = b;
  let index = 0;
  for (let d = batch.length - 1; d >= 0; d--) {
    const k = d - batch.length + own.length;
    if (k >= 0 && own[k] !== 1) index += (rest % batch[d]!) * strides[k]!;
    rest = Math.floor(rest / batch[d]!);
  }
  return index;
}

export const matmul: Reference<'a' | 'b', never, 'y', object> = ({ a, b }, _attrs, outputs) => {
  const y = refArray(outputs.y);
  const [M, N] = outputs.y.shape.slice(-2) as [number, number];
  const K = a.shape.at(-1)!;
  const batch = outputs.y.shape.slice(0, -2);
  for (let z = 0; z < numel(batch); z++) {
    const [from, to] = [
      batchIndex(z, batch, a.shape.slice(0, -2)),
      batchIndex(z, batch, b.shape.slice(0, -2)),
    ];
    for (let m = 0; m < M; m++)
      for (let n = 0; n < N; n++) {
        let sum = 0;
        for (let k = 0; k < K; k++) sum += a.data[(from * M + m) * K + k]! * b.data[(to * K + k) * N + n]!;
        y[(z * M + m) * N + n] = sum;
      }
  }
  return { y };
};
