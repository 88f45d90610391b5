import type { LoadedWeights } from '../loadedWeights.ts';
import type { OtherValue } from '../torch/walk.ts';
import { decodeGroups, type ReadShard } from './decode.ts';
import { parseTfjs } from './manifest.ts';

/** Loads the weights of a model.json, or of a manifest by itself, for `loadWeights`. */
export async function loadTfjsWeights(text: string, source: string, read: ReadShard): Promise<LoadedWeights> {
  const { groups, texts } = parseTfjs(text, source);
  const { tensors, notes } = await decodeGroups(groups, read, source);
  const files = groups.reduce((total, { paths }) => total + paths.length, 0);
  const quantized = new Set(
    groups.flatMap(({ weights }) => weights.flatMap((weight) => weight.quantization?.dtype ?? [])),
  );
  for (const dtype of quantized)
    if (dtype !== 'float16') notes.unshift(`weights that were quantized as ${dtype} were decoded`);
  return {
    format: 'tfjs',
    source,
    // TensorFlow's own: [kh,kw,I,O], and [kh,kw,C,M] of depthwise convolutions.
    layout: undefined,
    tensors,
    other: new Map<string, OtherValue>(texts),
    notes: [`${files} file${files === 1 ? '' : 's'} of weights`, ...notes],
  };
}
