import type { RandAttrs } from '../kernels/shape/rand.ts';
import { type Reference, refArray } from './reference.ts';

/** lowbias32. */
function mix(v: number): number {
  let x = v >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

export const rand: Reference<'seed', never, 'y', RandAttrs> = ({ seed }, { stream }, outputs) => {
  const y = refArray(outputs.y);
  const start = mix(mix(seed.data[0]!) + stream);
  y.forEach((_, i) => {
    y[i] = (mix(Math.imul(i, 0x9e3779b9) + start) >>> 8) / 2 ** 24;
  });
  return { y };
};
