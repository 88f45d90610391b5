import type { Caps } from '../../../device/caps.ts';
import type { TensorSpec } from '../../../shape.ts';
import nmsFour from '../../../wgsl/boxes/lib/nms_four.wgsl';
import nmsKept from '../../../wgsl/boxes/lib/nms_kept.wgsl';
import nmsSides from '../../../wgsl/boxes/lib/nms_sides.wgsl';
import nmsRemoveShader from '../../../wgsl/boxes/nms_remove.wgsl';
import nmsRemoveKeptShader from '../../../wgsl/boxes/nms_remove_kept.wgsl';
import nmsSelectShader from '../../../wgsl/boxes/nms_select.wgsl';
import nmsSelectSkippingShader from '../../../wgsl/boxes/nms_select_skipping.wgsl';
import type { KernelPlan } from '../../kernel.ts';
import { type NmsAttrs, nms } from '../nms.ts';

interface Inputs {
  readonly boxes: TensorSpec;
  readonly scores: TensorSpec;
  readonly labels?: TensorSpec;
}

interface Outputs {
  readonly indices: TensorSpec;
  readonly count: TensorSpec;
}

/**
 * nms with shaders that pass over removed boxes without a barrier, and keep the sides of those that stay side by side
 * (10,000 boxes of which 1,100 stay, ms of both cores: 25 to 15 on lavapipe, 245 to 155 on SwiftShader).
 */
export function nmsSkippingPlan(caps: Caps, inputs: Inputs, outputs: Outputs, attrs: NmsAttrs): KernelPlan {
  const { dispatches, scratch } = nms.dispatches(caps, inputs, outputs, attrs);
  const faster = new Map([
    [nmsSelectShader, nmsSelectSkippingShader],
    [nmsRemoveShader, nmsRemoveKeptShader],
  ]);
  const [images = 0, most = 0] = outputs.indices.shape;
  return {
    dispatches: dispatches.map((dispatch) => {
      const shader = faster.get(dispatch.shader);
      return shader ? { ...dispatch, shader, snippets: [nmsSides, nmsFour, nmsKept] } : dispatch;
    }),
    scratch: { ...scratch, sides: images * most * 16 },
  };
}
