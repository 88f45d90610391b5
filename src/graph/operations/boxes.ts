import * as coder from '../../kernels/boxes/boxCoder.ts';
import * as iou from '../../kernels/boxes/boxIou.ts';
import { matchAnchors as match } from '../../kernels/boxes/matchAnchors.ts';
import { nms as nmsKernel } from '../../kernels/boxes/nms.ts';
import { weightedBoxFusion as fusion } from '../../kernels/boxes/weightedBoxFusion.ts';
import { defineOperation } from '../operation.ts';
import { apply } from '../tensor.ts';

export const boxIou = defineOperation({ kernel: iou.boxIou, gradient: null });
export const generalizedBoxIou = defineOperation({ kernel: iou.generalizedBoxIou, gradient: null });
export const boxEncode = defineOperation({ kernel: coder.boxEncode, gradient: null });
export const boxDecodeBackward = defineOperation({ kernel: coder.boxDecodeBackward, gradient: null });

export const boxDecode = defineOperation({
  kernel: coder.boxDecode,
  gradient: ({ inputs: { deltas, anchors }, attrs, grads: { boxes: dy } }) => ({
    deltas: apply(boxDecodeBackward, { dy, deltas, anchors }, attrs).ddeltas,
  }),
});

export const matchAnchors = defineOperation({ kernel: match, gradient: null });
export const nms = defineOperation({
  kernel: nmsKernel,
  strategies: () => import('../../kernels/strategies.ts').then((table) => table.nmsStrategies),
  gradient: null,
});
export const weightedBoxFusion = defineOperation({ kernel: fusion, gradient: null });
