import { type Command, Option } from 'commander';
import { modelFile, OWN_MODEL_FILE, share, size, whole } from './optionValues.ts';

/** Adds the command that writes models as ONNX files. */
export function addExportCommand(program: Command): void {
  modelFile(
    program
      .command('export')
      .description('write a model as an ONNX file')
      .argument('<model>', OWN_MODEL_FILE)
      .argument('<out>', 'file to write (.onnx)')
      .option('--opset <n>', "version of ONNX's operation set (default: 17)", whole(13, 21))
      .option(
        '--batch <n>',
        'number of images that the file takes, or dynamic for any (default: dynamic)',
        (text) => (text === 'dynamic' ? ('dynamic' as const) : whole(1)(text)),
      )
      .addOption(
        new Option(
          '--nms <where>',
          'non-maximum suppression in the file, or boxes and scores of all candidates (default: inside)',
        ).choices(['inside', 'outside']),
      )
      .option(
        '--threshold <score>',
        'detectors: lowest score of the detections that the file gives (default: 0.01, which fovea eval needs)',
        share,
      )
      .option(
        '--iou <iou>',
        'detectors: of two boxes of a class that overlap by more, the file gives one (default: that of the model)',
        share,
      )
      .option(
        '--size <height>x<width>',
        'size of the images (default: that of the model, or squares of the side to which it resizes them, rounded up to what it takes: 520 to 544)',
        size,
      )
      .option('--fold-batch-norm', 'multiply batch norms into the convolutions before them'),
    'darknet',
  ).action(async (model, out, options) =>
    (await import('./commands/export.ts')).exportCommand(model, out, options),
  );
}
