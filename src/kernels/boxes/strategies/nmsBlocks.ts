import type { Caps } from '../../../device/caps.ts';
import nmsFour from '../../../wgsl/boxes/lib/nms_four.wgsl';
import nmsSides from '../../../wgsl/boxes/lib/nms_sides.wgsl';
import nmsRemoveShader from '../../../wgsl/boxes/nms_remove.wgsl';
import nmsSelectShader from '../../../wgsl/boxes/nms_select.wgsl';
import { type KernelPlan, wgslType } from '../../dispatch.ts';
import type { Strategy } from '../../strategy.ts';
import { type NmsAttrs, type NmsProblem, nmsOrder } from '../nmsProblem.ts';

/** nms block by block: all of a block's boxes are decided, then the boxes after it are compared with those that stay. */
export function nmsBlocks(
  { family }: Caps,
  { boxes, labels }: NmsProblem['specs'],
  { indices }: NmsProblem['outputs'],
  attrs: NmsAttrs,
): KernelPlan {
  const [B, R] = boxes.shape as [number, number];
  const plan = nmsOrder(boxes, attrs);
  const lanes = family === 'tile' ? 256 : 32;
  const block = 4 * lanes;
  const shared = {
    snippets: [nmsSides, nmsFour],
    types: { T: wgslType(boxes.dtype) },
    constants: { LANES: lanes, LABELLED: labels !== undefined },
    // Without labels nothing is read there.
    bind: { labels: labels ? 'labels' : 'order' },
  };
  // One block at least, of no box: the last block ends an image.
  for (let start = 0; start === 0 || start < R; start += block) {
    const params = { boxes: R, images: B, start, most: indices.shape[1]!, threshold: attrs.iouThreshold };
    const grid = (groups: number) => [groups, Math.min(B, 65535), Math.ceil(B / 65535)] as const;
    const after = Math.ceil(Math.max(R - start - block, 0) / block);
    plan.dispatches.push(
      { shader: nmsSelectShader, ...shared, params, grid: grid(1) },
      { shader: nmsRemoveShader, ...shared, params, grid: grid(after) },
    );
  }
  return plan;
}

export const blocks: Strategy<NmsProblem> = {
  name: 'blocks',
  plan: ({ caps, specs, outputs, attrs }) => nmsBlocks(caps, specs, outputs, attrs),
};
