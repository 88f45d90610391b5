/** What torchvision renamed in 0.13: the layers of pyramids and heads became blocks of a convolution and an activation. */
const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/(fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)$/, '$1.0.$2'],
  [/(rpn\.head)\.conv\.(weight|bias)$/, '$1.conv.0.0.$2'],
  [/mask_head\.mask_fcn1\./, 'mask_head.0.0.'],
  [/mask_head\.mask_fcn2\./, 'mask_head.1.0.'],
  [/mask_head\.mask_fcn3\./, 'mask_head.2.0.'],
  [/mask_head\.mask_fcn4\./, 'mask_head.3.0.'],
];

/** The key of today for one of a detector's state dict that torchvision before 0.13 wrote. */
export function legacyDetectionName(name: string): string {
  // RetinaNet's heads: convolutions stood at even places, activations between them.
  const head = /^(head\.\w+_head\.conv)\.(\d+)\.(weight|bias)$/.exec(name);
  if (head) return `${head[1]}.${Number(head[2]) / 2}.0.${head[3]}`;
  return legacyPartName(name);
}

/** The same where the heads have had their names from the beginning. */
export const legacyPartName = (name: string): string =>
  RENAMED.reduce((key, [old, now]) => key.replace(old, now), name);
