import type { Command } from 'commander';

const STATE_DICT = 'PyTorch files that hold several: the name of the one to take, such as ema';

/** Adds `fovea weights`, with its commands. */
export function addWeightsCommands(program: Command): void {
  const weights = program.command('weights').description('show or convert files of weights');

  weights
    .command('show')
    .description('show the format, the tensors, and what was left out and why')
    .argument('<file>', 'weights: safetensors, an index of shards, a PyTorch or ONNX file')
    .option('--state-dict <name>', STATE_DICT)
    .action(async (file, options) =>
      (await import('./commands/weights.ts')).showWeightsCommand(file, options),
    );

  weights
    .command('convert')
    .description(
      'write the tensors in another format, .safetensors or .pth; models that detect and segment run also as .onnx',
    )
    .argument('<file>', 'weights: safetensors, an index of shards, a PyTorch or ONNX file')
    .argument('<out>', 'file to write')
    .option('--state-dict <name>', STATE_DICT)
    .option(
      '--arch <name>',
      "to .onnx: torchvision's name for the weights, such as resnet50 (default: told by them)",
    )
    .action(async (file, out, options) =>
      (await import('./commands/weights.ts')).convertWeightsCommand(file, out, options),
    );
}
