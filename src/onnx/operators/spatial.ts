import { roiAlign } from '../../graph/functions/boxes.ts';
import { einsum } from '../../graph/functions/einsum.ts';
import { gridSample } from '../../graph/functions/gridSample.ts';
import { cast, concat, permute, pixelShuffle, pixelUnshuffle } from '../../graph/functions/shape.ts';
import { isFloatType } from '../dataTypes.ts';
import type { Call, Operators } from '../operator.ts';
import { channelsLast, Value } from '../value.ts';
import { image } from './images.ts';

function expectImage(call: Call, x: Value): void {
  if (x.rank !== 4) call.refuse(`of rank ${x.rank}; only images [N,C,H,W] are supported`);
}

/** Channels to pixels, the block's place in the slower part of the channel: [N,H,W,b b C]. */
function depthFirst(call: Call): Value {
  const x = call.input(0);
  const b = call.attrs.int('blocksize');
  const own = image(x);
  const [N, H, W, C] = own.shape as [number, number, number, number];
  const parts = own.reshape([N, H, W, b, b, C / (b * b)]);
  const y = permute(parts, [0, 1, 3, 2, 4, 5]).reshape([N, H * b, W * b, C / (b * b)]);
  return Value.of(x.type, y, channelsLast(4));
}

const PADDING = { zeros: 'zeros', border: 'border', reflection: 'reflection' } as const;

/** Images: pixels and channels exchanged, sampled by places and regions. */
export const spatial: Operators = {
  DepthToSpace(call) {
    const x = call.input(0);
    expectImage(call, x);
    if (call.attrs.string('mode', 'DCR') === 'DCR') return depthFirst(call);
    return Value.of(x.type, pixelShuffle(image(x), call.attrs.int('blocksize')), channelsLast(4));
  },
  Einsum(call) {
    const values = call.all();
    const type = values[0]!.type;
    const tensors = values.map((value) => (isFloatType(type) ? value.tensor() : cast(value.tensor(), 'f32')));
    const y = einsum(call.attrs.string('equation'), ...tensors);
    return Value.of(type, y);
  },
  GridSample(call) {
    const x = call.input(0);
    expectImage(call, x);
    const { attrs } = call;
    const mode = attrs.string('mode', 'bilinear');
    const padding = attrs.string('padding_mode', 'zeros');
    if (!['bilinear', 'linear', 'nearest'].includes(mode)) call.refuse(`mode "${mode}" is not supported`);
    if (!Object.hasOwn(PADDING, padding)) call.refuse(`padding_mode "${padding}" is not supported`);
    const y = gridSample(image(x), call.input(1).tensor(), {
      mode: mode === 'nearest' ? 'nearest' : 'bilinear',
      paddingMode: PADDING[padding as keyof typeof PADDING],
      alignCorners: attrs.int('align_corners', 0) === 1,
    });
    return Value.of(x.type, y, channelsLast(4));
  },
  RoiAlign(call) {
    const x = call.input(0);
    expectImage(call, x);
    const { attrs } = call;
    if (attrs.string('mode', 'avg') !== 'avg') call.refuse('mode "max" is not supported');
    const [rois, batch] = [call.input(1).tensor(), cast(call.input(2).tensor(), 'f32')];
    const list = concat([batch.reshape([batch.size, 1]), rois], 1);
    const aligned = attrs.string(
      'coordinate_transformation_mode',
      call.opset < 16 ? 'output_half_pixel' : 'half_pixel',
    );
    const ratio = attrs.int('sampling_ratio', 0);
    const y = roiAlign(image(x), list, {
      outputSize: [attrs.int('output_height', 1), attrs.int('output_width', 1)],
      spatialScale: attrs.float('spatial_scale', 1),
      samplingRatio: ratio === 0 ? -1 : ratio,
      aligned: aligned === 'half_pixel',
    });
    return Value.of(x.type, y, channelsLast(4));
  },
  SpaceToDepth(call) {
    const x = call.input(0);
    expectImage(call, x);
    const b = call.attrs.int('blocksize');
    const own = pixelUnshuffle(image(x), b);
    const [N, H, W, C] = own.shape as [number, number, number, number];
    // pixelUnshuffle has the block's place in the faster part of the channel, ONNX in the slower one.
    const parts = own.reshape([N, H, W, C / (b * b), b * b]);
    return Value.of(x.type, permute(parts, [0, 1, 2, 4, 3]).reshape([N, H, W, C]), channelsLast(4));
  },
};
