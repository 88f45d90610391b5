import type { Command } from 'commander';
import { adapter } from '../optionValues.ts';
import { queued } from '../queue/options.ts';

/** Adds `fovea sweep`. */
export const addSweepCommand = (program: Command): Command =>
  queued(
    program
      .command('sweep')
      .description(
        'compare trainings: over a grid, at random or by successive halving, in folds if you like',
      ),
  )
    .argument(
      '<config>',
      'TOML or JSON file that says what is the same for all, what differs, and how to search',
    )
    .requiredOption(
      '--out <dir>',
      'folder for the trainings, their table and the best model, or s3://BUCKET/PREFIX',
    )
    .option('--force', 'begin anew, where another sweep was begun in that folder')
    .addOption(adapter())
    .action(async (config, options) => (await import('./command.ts')).sweepCommand(config, options));
