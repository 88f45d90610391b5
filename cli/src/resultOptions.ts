import { type Command, Option } from 'commander';

/** The formats of results. */
export const RESULT_FORMATS = ['labelme', 'coco', 'yolo', 'masks', 'csv', 'panoptic'] as const;
/** A format of results. */
export type ResultFormat = (typeof RESULT_FORMATS)[number];

/** Adds the options of commands that run a model on images. `formats`: those that results can be written in. */
export const predicting = (command: Command): Command =>
  command
    .option('--recursive', 'look into the folders below a folder too')
    .option('--report-bad <file>', 'write the images that could not be used to a JSON file');

/** Adds the options of the format of results that are places in images. */
export const formatted = (command: Command): Command =>
  predicting(command)
    .addOption(
      new Option('--format <format>', 'what results are written as (default: labelme)').choices(
        RESULT_FORMATS,
      ),
    )
    .option('--save-conf', 'to yolo: write the score of each box as the sixth number of its line');

/** Adds the options of results that are places in images. */
export const placed = (command: Command): Command =>
  formatted(command)
    .option('--no-draw', 'do not draw the results on the images (NAME_drawn.png)')
    .option('--copy-images', 'copy the images too, which makes the results a data set of its own');
