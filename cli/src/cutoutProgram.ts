import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Rgba } from 'fovea/similarity';
import { adapter, names, share, whole } from './optionValues.ts';
import { predicting } from './resultOptions.ts';

/** `255,255,255,255` as four numbers; without the last one it is opaque. */
function color(text: string): Rgba {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const isByte = (value: number) => Number.isInteger(value) && value >= 0 && value <= 255;
  if (!values.every(isByte) || (values.length !== 3 && values.length !== 4)) {
    throw new InvalidArgumentError(
      'give red, green, blue and opacity from 0 to 255, such as 255,255,255,255.',
    );
  }
  const [red, green, blue, alpha = 255] = values as [number, number, number, number?];
  return [red, green, blue, alpha];
}

const MODEL =
  "what tells foreground from background: a segmenter of fovea train or torchvision's, or an ONNX network such as U2-Net or IS-Net";

/** Adds the images, and the options of what cut-outs look like. */
export const cutting = (command: Command): Command =>
  predicting(
    command
      .argument('<images...>', 'image files, and folders of images')
      .requiredOption('--model <file>', MODEL)
      .option('--detector <file>', 'a detector: the model then refines each box that it finds')
      .option('--detector-weights <file>', "Darknet's weights, where --detector is a .cfg")
      .option(
        '--detector-names <file>',
        "the names of its classes, one per line: of Darknet's and ONNX models",
      )
      .option('--detector-classes <list>', 'the classes of its boxes that are cut out (default: all)', names)
      .option('--threshold <score>', 'lowest score of the boxes of --detector (default: 0.3)', share)
      .option('--padding <share>', 'what is added to each box on every side (default: 0.1)', share)
      .option('--classes <list>', 'the classes that are foreground (default: all)', names),
  )
    .option(
      '--max-side <pixels>',
      'longer side at which the model sees images (default: its own)',
      whole(1, 65536),
    )
    .option(
      '--tile <pixels>',
      'side of the tiles in which it sees larger ones (default: 1024)',
      whole(32, 8192),
    )
    .addOption(
      new Option(
        '--normalize <how>',
        'how images are normalised for an ONNX network (default: isnet from 1024 pixels on, else imagenet)',
      ).choices(['imagenet', 'isnet', 'none']),
    )
    .addOption(
      new Option(
        '--format <format>',
        'what is written: PNG, or WebP without loss, which is smaller (default: png)',
      ).choices(['png', 'webp']),
    )
    .option('--alpha-matting', 'solve again, from the colours, what the model is not sure of')
    .option(
      '--alpha-matting-foreground-threshold <n>',
      'sure above this, of 255 (default: 240)',
      whole(0, 255),
    )
    .option(
      '--alpha-matting-background-threshold <n>',
      'sure below this, of 255 (default: 10)',
      whole(0, 255),
    )
    .option(
      '--alpha-matting-erode-size <pixels>',
      'how far what is sure is eroded (default: 10)',
      whole(0, 10_000),
    )
    .option('--only-mask', 'write the mask alone, as a grey image')
    .option('--post-process-mask', 'make the mask smooth, of 0 and 1')
    .option('--bgcolor <r,g,b,a>', 'lay the cut-out over a colour', color)
    .option(
      '--keep-colors',
      "keep the image's colours at soft edges (default: estimate those of the foreground)",
    );

/** Adds `fovea cutout`. */
export function addCutoutCommand(program: Command): void {
  cutting(
    program
      .command('cutout')
      .description('remove the background of images: PNG or WebP files of their own size with alpha')
      .requiredOption('--out <dir>', 'folder for the results'),
  )
    .option('--report <file>', 'write a page of the images and their cut-outs, .html')
    .addOption(adapter())
    .action(async (images, options) => (await import('./commands/cutout.ts')).cutoutCommand(images, options));
}
