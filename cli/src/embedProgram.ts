import { type Command, Option } from 'commander';
import { layerOptions, modelFileOptions } from './embedderOptions.ts';
import { adapter, MODEL_FILE, positive, whole } from './optionValues.ts';

/** Adds what is embedded, and the options of how. */
export function embedding(command: Command): Command {
  command
    .argument('<inputs...>', 'images, videos, sounds, and folders of them')
    .requiredOption('--model <file>', `what makes the vectors: ${MODEL_FILE}`);
  layerOptions(command, 'none')
    .option('--normalize', 'divide vectors by their length')
    .option('--batch <n>', 'images that are computed at once (default: 8)', whole(1))
    .option('--fps <rate>', 'frames of a video in a second (default: 1)', positive)
    .addOption(
      new Option(
        '--frames <how>',
        'what becomes of the vectors of frames: one vector, or all with their times (default: mean)',
      ).choices(['mean', 'max', 'concat', 'all']),
    )
    .option('--frame-folders', 'take each folder that is given as one video, whose frames are its images')
    .option(
      '--folder-fps <rate>',
      'frames of such a folder in a second (default: that of --fps, so that all are taken)',
      positive,
    )
    .option('--sample-rate <hz>', 'samples of sounds in a second (default: 16000)', whole(1000, 384_000))
    .option('--recursive', 'look into the folders below a folder too')
    .option('--report-bad <file>', 'write everything that is bad to a JSON file');
  return modelFileOptions(command);
}

/** Adds `fovea embed`. */
export function addEmbedCommand(program: Command): void {
  embedding(
    program
      .command('embed')
      .description('make vectors of images, videos and sounds with a model: alike ones are near each other')
      .requiredOption(
        '--out <file>',
        'the file to write: .npy, .safetensors, .parquet, .csv, or .index for fovea search',
      ),
  )
    .addOption(adapter())
    .action(async (inputs, options) => (await import('./commands/embed.ts')).embedCommand(inputs, options));
}
