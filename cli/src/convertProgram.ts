import { type Command, Option } from 'commander';
import { FORMAT_NAMES } from 'fovea/data';
import { CLIP, data } from './dataProgram.ts';

/** Adds the data set, and the options of how it is read and what it is converted to. */
export const converting = (command: Command): Command =>
  data(command.argument('<data>', 'folder with images and annotations, or a COCO file'))
    .addOption(
      new Option('--format <format>', 'format to convert to').choices(FORMAT_NAMES).makeOptionMandatory(),
    )
    .option('--clip', CLIP)
    .option('--boxes-as-masks', 'to masks: fill the boxes of objects that have no outline')
    .option('--link-images', 'link to the images instead of copying them');

/** Adds `fovea convert`. */
export function addConvertCommand(program: Command): void {
  converting(
    program.command('convert').description('convert a data set to COCO, Pascal VOC, YOLO, Labelme or masks'),
  )
    .argument('<to>', 'folder to write, which must not exist yet')
    .option('--force', 'replace the folder if it exists')
    .action(async (data, to, options) =>
      (await import('./commands/convert.ts')).convertCommand(data, to, options),
    );
}
