import { type Tensor, tensor } from '../graph/tensor.ts';
import { type AnchorOptions, generateAnchors } from '../vision/anchors.ts';

/** The anchors of each level of a pyramid, as generateAnchors makes them, with the same aspect ratios on all: [A,4] each. */
export function levelAnchors({
  aspectRatios,
  ...options
}: Omit<AnchorOptions, 'aspectRatios'> & { readonly aspectRatios: readonly number[] }): Tensor[] {
  const ratios = options.strides.map(() => aspectRatios);
  const { boxes, levels } = generateAnchors({ ...options, aspectRatios: ratios });
  let at = 0;
  return levels.map(([height, width, perCell]) => {
    const count = height * width * perCell;
    at += count;
    return tensor(boxes.slice((at - count) * 4, at * 4), [count, 4]);
  });
}
