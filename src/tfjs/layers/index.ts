import { convolution } from './convolution.ts';
import { elementwise } from './elementwise.ts';
import { images } from './images.ts';
import type { BuildLayer } from './layer.ts';
import { normalization } from './normalization.ts';

/** Every layer of Keras that there is, by its class. */
export const layers: Readonly<Record<string, BuildLayer>> = {
  ...convolution,
  ...elementwise,
  ...images,
  ...normalization,
};
