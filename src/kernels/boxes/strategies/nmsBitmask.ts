import nmsSides from '../../../wgsl/boxes/lib/nms_sides.wgsl';
import nmsSorted from '../../../wgsl/boxes/lib/nms_sorted.wgsl';
import nmsMaskShader from '../../../wgsl/boxes/nms_mask.wgsl';
import nmsScanShader from '../../../wgsl/boxes/nms_scan.wgsl';
import { type KernelPlan, wgslType } from '../../dispatch.ts';
import type { Strategy } from '../../strategy.ts';
import { type NmsProblem, nmsOrder } from '../nmsProblem.ts';

/** Boxes of an image whose removed ones fit into shared memory with what else is there, a bit each. */
const MOST_BOXES = 1 << 15;
/** Invocations of the workgroup that decides. */
const LANES = 256;

const wordsOf = (boxes: number): number => 2 * Math.ceil(boxes / 64);

/**
 * nms for GPUs, as its definition: all pairs of boxes are compared at once, and the bits of which removes which are gone
 * through by one workgroup per image, 64 boxes per turn, until there are enough. What takes its time is the turns, one after
 * the other: of 10,000 boxes there are at most 157.
 */
export const bitmask: Strategy<NmsProblem> = {
  name: 'bitmask',
  possible({ caps, specs: { boxes } }) {
    const [B = 0, R = 0] = boxes.shape;
    const bytes = B * R * wordsOf(R) * 4;
    const some = R > 0 && R <= MOST_BOXES && B > 0 && B <= 65535;
    return caps.family === 'tile' && some && bytes <= caps.maxBindingSize;
  },
  // Two barriers per 64 boxes instead of several per block: reckoned, not measured.
  cost: () => 0.5,
  plan(problem): KernelPlan {
    const { boxes, labels } = problem.specs;
    const [B, R] = boxes.shape as [number, number];
    const { dispatches, scratch } = nmsOrder(boxes, problem.attrs);
    const params = {
      boxes: R,
      most: problem.outputs.indices.shape[1]!,
      words: wordsOf(R),
      threshold: problem.attrs.iouThreshold,
    };
    const blocks = Math.ceil(R / 64);
    return {
      dispatches: [
        ...dispatches,
        {
          shader: nmsMaskShader,
          snippets: [nmsSorted, nmsSides],
          types: { T: wgslType(boxes.dtype) },
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
  },
};
