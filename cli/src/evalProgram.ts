import type { Command } from 'commander';
import { clipped } from './dataProgram.ts';
import { adapter, MODEL_FILE, modelFile, whole } from './optionValues.ts';
import { augmentation } from './predictProgram.ts';

/** Adds the model, and the options of how it is evaluated and on what. */
export const evaluating = (command: Command): Command =>
  augmentation(
    modelFile(
      clipped(
        command
          .argument('<model>', MODEL_FILE)
          .requiredOption(
            '--data <dir>',
            'folder with images and annotations, or a COCO file; for classifiers a folder per class, or a CSV file',
          ),
      ),
      'onnx',
      'darknet',
    ),
  ).option('--boxes-as-masks', 'for models of masks: fill the boxes of objects that have no outline');

/** Adds `fovea eval`. */
export function addEvalCommand(program: Command): void {
  evaluating(
    program
      .command('eval')
      .description('evaluate a model on labelled images: AP, IoU and Dice, or accuracy and F1'),
  )
    .option('--json <file>', 'also write the numbers to a JSON file')
    .option('--report <file>', 'also write an HTML report with curves, thresholds and the worst images')
    .option('--worst <n>', 'most images in the report (default: 100)', whole(0))
    .addOption(adapter())
    .action(async (model, options) => (await import('./commands/eval.ts')).evalCommand(model, options));
}
