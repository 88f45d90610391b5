import nmsSides from '../../../wgsl/boxes/lib/nms_sides.wgsl';
import nmsSortedBefore from '../../../wgsl/boxes/lib/nms_sorted_before.wgsl';
import nmsSortedHere from '../../../wgsl/boxes/lib/nms_sorted_here.wgsl';
import nmsSurvivorsShader from '../../../wgsl/boxes/nms_survivors.wgsl';
import sortKey from '../../../wgsl/lib/sort_key.wgsl';
import sortLanesShader from '../../../wgsl/sort/sort_lanes.wgsl';
import { type KernelPlan, wgslType } from '../../dispatch.ts';
import type { Strategy } from '../../strategy.ts';
import { type NmsProblem, nmsOrder } from '../nmsProblem.ts';

/** Boxes of an image and lane that are sorted by counting, in the one dispatch that there is then. */
const COUNTED = 128;

/** Boxes that a round keeps at most; more cost comparisons with boxes that an earlier round would have removed. */
const KEPT = 96;
/** Where no more than so many are asked for, one round finds them. */
const FEW = 256;

/**
 * nms for software adapters, where a dispatch costs as much as a thousand comparisons: a subgroup per image does all, and its lanes
 * compare boxes with kept ones alone. In ms, next to `skipping`, on two cores: 10,000 boxes of which 1,050 stay 17 to 5.7 on
 * lavapipe, 66 to 35 on SwiftShader; 1,000 of which 110 stay 0.8 to 0.4, 2.7 to 1.0; 10,000 until 100 are found 10 to 1.6. Only where
 * thousands stay do both cores weigh more (10,000 of which 6,700 stay: 35 both, 209 to 238).
 */
export const survivors: Strategy<NmsProblem> = {
  name: 'survivors',
  possible: ({ caps }) => caps.family === 'subgroup',
  cost: () => 0.3,
  plan({ caps, specs: { boxes, labels }, outputs, attrs }): KernelPlan {
    const [B, R] = boxes.shape as [number, number];
    const total = B * R;
    const most = outputs.indices.shape[1]!;
    const LANES = caps.subgroupSize;
    const here = R <= COUNTED * LANES;
    const grid = [Math.min(B, 65535), Math.ceil(B / 65535), 1] as const;
    const keys = nmsOrder(boxes, attrs).dispatches[0]!;
    const sort = { constants: { LANES, BITS: 8 }, params: { total, rows: B, n: R }, grid };
    return {
      dispatches: [
        ...(here ? [] : [keys, { shader: sortLanesShader, ...sort }]),
        {
          shader: nmsSurvivorsShader,
          snippets: [...(here ? [sortKey] : []), nmsSides, here ? nmsSortedHere : nmsSortedBefore],
          enable: ['subgroups'],
          types: { T: wgslType(boxes.dtype) },
          constants: {
            LANES,
            MOST_KEPT: FEW + 4 * LANES,
            LABELLED: labels !== undefined,
            ...(here ? { MOST_BOXES: COUNTED * LANES } : {}),
          },
          params: {
            boxes: R,
            images: B,
            most,
            // A turn may keep all of its boxes.
            kept: most <= FEW ? most + 4 * LANES : KEPT,
            threshold: attrs.iouThreshold,
            score_threshold: keys.params!.threshold!,
            limited: keys.params!.limited!,
          },
          // Without labels nothing is read there.
          bind: { labels: labels ? 'labels' : here ? 'scores' : 'keys' },
          grid,
        },
      ],
      scratch: here ? { order: total * 4 } : { keys: total * 8, order: total * 8, flags: total * 4 },
    };
  },
};
