import type { Caps } from '../../../device/caps.ts';
import nmsSides from '../../../wgsl/boxes/lib/nms_sides.wgsl';
import nmsSorted from '../../../wgsl/boxes/lib/nms_sorted.wgsl';
import nmsMaskShader from '../../../wgsl/boxes/nms_mask.wgsl';
import nmsRemoveShader from '../../../wgsl/boxes/nms_remove.wgsl';
import nmsScanShader from '../../../wgsl/boxes/nms_scan.wgsl';
import nmsSelectShader from '../../../wgsl/boxes/nms_select.wgsl';
import { type KernelPlan, type Specs, wgslType } from '../../kernel.ts';
import { type NmsAttrs, nms } from '../nms.ts';

/** Boxes of an image whose removed ones fit into shared memory with what else is there, a bit each. */
const MOST_BOXES = 1 << 15;
/** Invocations of the workgroup that decides. */
const LANES = 256;

const wordsOf = (boxes: number): number => 2 * Math.ceil(boxes / 64);

/** Where nmsBitmaskPlan is possible: on GPUs, and for so many boxes that the bits fit. */
export function nmsBitmaskPossible(caps: Caps, boxes: Specs[string]): boolean {
  const [B = 0, R = 0] = boxes.shape;
  const bytes = B * R * wordsOf(R) * 4;
  return (
    caps.family === 'tile' && R > 0 && R <= MOST_BOXES && B > 0 && B <= 65535 && bytes <= caps.maxBindingSize
  );
}

/**
 * nms for GPUs, as its definition: all pairs of boxes are compared at once, and the bits of which removes which are gone
 * through by one workgroup an image, 32 boxes a turn. What takes its time is the turns, one after the other: of 10,000
 * boxes there are 313.
 */
export function nmsBitmaskPlan(caps: Caps, specs: Specs, outputs: Specs, attrs: NmsAttrs): KernelPlan {
  const { boxes, labels } = specs;
  const [B, R] = boxes!.shape as [number, number];
  const { dispatches, scratch } = nms.dispatches(caps, specs as never, outputs as never, attrs);
  const params = {
    boxes: R,
    most: outputs.indices!.shape[1]!,
    words: wordsOf(R),
    threshold: attrs.iouThreshold,
  };
  const blocks = Math.ceil(R / 64);
  return {
    dispatches: [
      ...dispatches.filter(({ shader }) => shader !== nmsSelectShader && shader !== nmsRemoveShader),
      {
        shader: nmsMaskShader,
        snippets: [nmsSorted, nmsSides],
        types: { T: wgslType(boxes!.dtype) },
        constants: { LABELLED: labels !== undefined },
        params,
        // Without labels nothing is read there.
        bind: { labels: labels ? 'labels' : 'order' },
        grid: [blocks, blocks, B],
      },
      {
        shader: nmsScanShader,
        snippets: [nmsSorted],
        constants: { LANES, MOST_WORDS: MOST_BOXES / 32 },
        params,
        grid: [B, 1, 1],
      },
    ],
    scratch: { ...scratch, mask: B * R * wordsOf(R) * 4 },
  };
}
