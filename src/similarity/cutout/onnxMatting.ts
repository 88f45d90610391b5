import { shrunkSize } from '../../data/resize.ts';
import { DataError } from '../../errors.ts';
import { IMAGENET, type Normalization } from '../../models/preprocess.ts';
import { inFile } from '../../onnx/inFile.ts';
import { loadOnnx } from '../../onnx/module.ts';
import { inputOf, outputsOf, ownMetadata } from '../../open/onnxInput.ts';
import { Runner } from '../../open/onnxRun.ts';
import type { Gpu } from '../../plan/gpu.ts';
import type { NetworkPlan, OpenedNetwork } from './mattingNetwork.ts';
import type { MattingOptions } from './mattingOptions.ts';

/** How IS-Net's images are normalised. */
const ISNET: Normalization = { mean: [0.5, 0.5, 0.5], std: [1, 1, 1] };

/** The side of what networks see that take images of any size. */
const SIDE = 1024;

const NORMALIZATIONS = { imagenet: IMAGENET, isnet: ISNET, none: undefined } as const;

/** Scores of the foreground, of planes [1,K,H,W]: the one plane, or the probability of all classes but the first. */
function foregroundOf(planes: ArrayLike<number>, channels: number): Float32Array {
  const pixels = planes.length / channels;
  if (channels === 1) return Float32Array.from(planes);
  return Float32Array.from({ length: pixels }, (_, i) => {
    let most = -Infinity;
    for (let k = 0; k < channels; k++) most = Math.max(most, planes[k * pixels + i]!);
    let total = 0;
    for (let k = 1; k < channels; k++) total += Math.exp(planes[k * pixels + i]! - most);
    return total / (total + Math.exp(planes[i]! - most));
  });
}

/** Opens an ONNX network whose first output is a map of an image. */
export function openOnnxMatting(
  gpu: Gpu,
  bytes: Uint8Array,
  file: string,
  { maxSide, normalize, externalData }: MattingOptions,
): OpenedNetwork {
  const model = inFile(file, () => loadOnnx(bytes, externalData ? { externalData } : {}));
  model.eval();
  const { size: fixed, ...input } = inputOf(file, model);
  const { preprocessing } = ownMetadata(model);
  const [H, W] = fixed ?? [SIDE, SIDE];
  const { outputs, staged } = outputsOf(model, input, [H, W]);
  const { name: output, shape } = outputs[0]!;
  const channels = shape?.length === 4 ? shape[1] : 1;
  const sides = shape?.slice(-2) ?? [];
  if (!shape || shape.length < 2 || typeof channels !== 'number' || sides[0] !== H || sides[1] !== W) {
    throw new DataError(
      `${file}: its first output is ${output} [${shape?.map((side) => side ?? '?').join(',') ?? '…'}]; a matting network gives [1,1,${H},${W}] for images of ${W}x${H}`,
    );
  }
  const own = preprocessing !== undefined;
  const kind = normalize ?? (own ? 'none' : Math.max(H, W) >= SIDE ? 'isnet' : 'imagenet');
  const normalization = typeof kind === 'string' ? NORMALIZATIONS[kind] : kind;
  const fit = { kind: 'native' } as const;
  const runner = new Runner(gpu, { model, input, fit, normalization, staged, output });
  const most = maxSide ?? (own && 'maxSide' in preprocessing ? preprocessing.maxSide : undefined);
  const plan: NetworkPlan = {
    sizeOf(image) {
      // Both sides on their own, as rembg does it, unless there are to be tiles.
      if (most === undefined) return { width: W, height: H };
      const [height, width] = shrunkSize(image, most);
      return { width, height };
    },
    tileOf: () => [H, W],
    overlap: 1 / 8,
    asRembg: !own,
    stretched: channels === 1 && !own,
    async run(data, { width, height }) {
      const found = await runner.run({ width, height, channels: 3, data });
      return foregroundOf(found.outputs.get(output)!.data, channels);
    },
  };
  const named =
    typeof kind === 'string' ? { imagenet: 'as ImageNet', isnet: 'as IS-Net', none: '' }[kind] : 'as given';
  const how =
    most === undefined ? `stretched to ${W}x${H}` : `up to ${most} pixels long, in tiles of ${W}x${H}`;
  return {
    description: `ONNX network; images ${how}${named ? `, normalised ${named}` : ''}${plan.stretched ? '; its scores are stretched to 0..1' : ''}`,
    plan,
    dispose: () => runner.dispose(),
  };
}
