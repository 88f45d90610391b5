import nmsFour from '../../../wgsl/boxes/lib/nms_four.wgsl';
import nmsKept from '../../../wgsl/boxes/lib/nms_kept.wgsl';
import nmsSides from '../../../wgsl/boxes/lib/nms_sides.wgsl';
import nmsRemoveShader from '../../../wgsl/boxes/nms_remove.wgsl';
import nmsRemoveKeptShader from '../../../wgsl/boxes/nms_remove_kept.wgsl';
import nmsSelectShader from '../../../wgsl/boxes/nms_select.wgsl';
import nmsSelectSkippingShader from '../../../wgsl/boxes/nms_select_skipping.wgsl';
import { ONLY_IF_TIMED, type Strategy } from '../../strategy.ts';
import type { NmsProblem } from '../nmsProblem.ts';
import { nmsBlocks } from './nmsBlocks.ts';

/**
 * Blocks whose shaders pass over removed boxes without a barrier, and keep the sides of those that stay side by side (10,000
 * boxes of which 1,100 stay, ms of both cores: 25 to 15 on lavapipe, 245 to 155 on SwiftShader).
 */
export const skipping: Strategy<NmsProblem> = {
  name: 'skipping',
  cost: ({ caps }) => (caps.family === 'subgroup' ? 0.6 : ONLY_IF_TIMED),
  plan({ caps, specs, outputs, attrs }) {
    const { dispatches, scratch } = nmsBlocks(caps, specs, outputs, attrs);
    const others = new Map([
      [nmsSelectShader, nmsSelectSkippingShader],
      [nmsRemoveShader, nmsRemoveKeptShader],
    ]);
    const [images = 0, most = 0] = outputs.indices.shape;
    return {
      dispatches: dispatches.map((dispatch) => {
        const shader = others.get(dispatch.shader);
        return shader ? { ...dispatch, shader, snippets: [nmsSides, nmsFour, nmsKept] } : dispatch;
      }),
      scratch: { ...scratch, sides: images * most * 16 },
    };
  },
};
