import { type Command, Option } from 'commander';
import { adapter, MODEL_FILE, modelFile, scales, share, whole } from './optionValues.ts';
import { placed, predicting } from './resultOptions.ts';

/** Adds the options of test-time augmentation. */
export const augmentation = (command: Command): Command =>
  command
    .option(
      '--scales <list>',
      'detectors: run on several scales of each image and merge the results, such as 0.75,1,1.25',
      scales,
    )
    .option('--flip', 'detectors: also run on the mirrored image and merge the results')
    .addOption(
      new Option(
        '--merge <how>',
        'how to merge: keep the best box (nms), or average the boxes of an object (wbf) (default: nms)',
      ).choices(['nms', 'wbf']),
    );

/** Adds the options of finding objects. */
export const detecting = (command: Command): Command =>
  augmentation(
    modelFile(
      command.option('--threshold <score>', 'lowest score of the detections to keep (default: 0.3)', share),
      'onnx',
      'darknet',
    ),
  );

/** Adds the options of classifying pixels. */
export const segmenting = (command: Command): Command => modelFile(command, 'onnx');

/** Adds the options of classifying images. */
export const classifying = (command: Command): Command =>
  modelFile(
    command.option('--top <n>', 'number of classes per image, the most probable ones (default: 3)', whole(1)),
    'onnx',
  );

/** Adds what such commands run, and on what. */
export const modelAndImages = (command: Command): Command =>
  command.argument('<model>', MODEL_FILE).argument('<images...>', 'image files, and folders of images');

/** Adds `fovea detect`, `segment` and `classify`. */
export function addPredictCommands(program: Command): void {
  const folder = (command: Command): Command =>
    placed(modelAndImages(command).requiredOption('--out <dir>', 'folder for the results'));
  detecting(
    folder(
      program
        .command('detect')
        .description('find objects; draw them, and write them as Labelme, COCO, YOLO, masks or CSV'),
    ),
  )
    .addOption(adapter())
    .action(async (model, images, options) =>
      (await import('./commands/predict.ts')).detectCommand(model, images, options),
    );
  segmenting(
    folder(
      program
        .command('segment')
        .description(
          'classify every pixel; draw the classes, and write them as masks, Labelme, COCO, YOLO or CSV',
        ),
    ),
  )
    .addOption(adapter())
    .action(async (model, images, options) =>
      (await import('./commands/predict.ts')).segmentCommand(model, images, options),
    );
  classifying(
    predicting(
      modelAndImages(program.command('classify').description('tell the class of whole images')).option(
        '--out <dir>',
        'folder for a table of the results, classes.csv (default: they are printed only)',
      ),
    ),
  )
    .addOption(adapter())
    .action(async (model, images, options) =>
      (await import('./commands/classify.ts')).classifyCommand(model, images, options),
    );
}
