import { type Command, Option } from 'commander';

/** Adds the options of which features of a model are the vectors. */
export const layerOptions = (command: Command, ...more: readonly 'none'[]): Command =>
  command
    .option(
      '--layer <name>',
      'the layer whose features are the vectors (default: what enters the head, or the end of the backbone)',
    )
    .addOption(
      new Option('--pooling <how>', 'how features of places become one vector (default: mean)').choices([
        'mean',
        'max',
        'cls',
        ...more,
      ]),
    );

/** Adds the options of what the file of a model does not say. */
export const modelFileOptions = (command: Command): Command =>
  command
    .option('--arch <name>', "torchvision's name for the weights (default: told by them)")
    .addOption(
      new Option(
        '--onnx-normalize <how>',
        'how images are normalised for an ONNX model (default: imagenet for classifiers and segmenters)',
      ).choices(['imagenet', 'none']),
    )
    .option('--weights <file>', "the .weights file of Darknet's .cfg")
    .addOption(
      new Option(
        '--fit <how>',
        "how images are brought to the size of Darknet's network (default: letterbox)",
      ).choices(['letterbox', 'stretch']),
    );
