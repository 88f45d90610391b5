import { type Command, InvalidArgumentError, Option } from 'commander';
import { HASH_NAMES } from 'fovea/similarity';
import { ACTIONS } from './dedupe/plan.ts';
import { COLUMNS, type Column } from './hashColumns.ts';
import { names, whole } from './optionValues.ts';
import { predicting } from './resultOptions.ts';

/** `aHash,pHash` as ['aHash', 'pHash']. */
function hashNames(text: string): Column[] {
  const list = names(text);
  const known: readonly string[] = COLUMNS;
  if (!list.every((name) => known.includes(name))) {
    throw new InvalidArgumentError(`give names among ${known.join(', ')}.`);
  }
  return list as Column[];
}

/** Adds the options of hashes. */
export const hashing = (command: Command): Command =>
  command
    .option('--hashes <list>', `which of ${COLUMNS.join(', ')} (default: aHash,dHash,pHash,wHash)`, hashNames)
    .option('--hash-size <n>', 'n x n bits a hash; a power of 2 for wHash (default: 8)', whole(2, 256))
    .option('--orient', 'turn images as their EXIF orientation says (default: as stored, as ImageHash does)');

/** Adds `fovea hash` and `fovea dedupe`. */
export function addHashCommands(program: Command): void {
  hashing(
    predicting(
      program
        .command('hash')
        .description(
          'tell the perceptual hashes of images: those of images that look alike differ in few bits',
        )
        .argument('<images...>', 'image files, and folders of images'),
    ),
  )
    .option('--json <file>', 'also write the hashes to a JSON file')
    .option('--csv <file>', 'also write the hashes to a CSV file')
    .action(async (images, options) => (await import('./commands/hash.ts')).hashCommand(images, options));
  predicting(
    program
      .command('dedupe')
      .description('find images that are there several times: of the same bytes, or that look alike')
      .argument('<images...>', 'image files, and folders of images'),
  )
    .addOption(
      new Option('--hash <name>', 'the hash by which images look alike (default: pHash)').choices(HASH_NAMES),
    )
    .option('--distance <n>', 'most bits in which hashes of such images differ (default: 4)', whole(0))
    .addOption(
      new Option(
        '--action <what>',
        'report: touch no image; link: replace copies of the same bytes by hard links of the kept file; move: move all but the kept image to --out (default: report)',
      ).choices(ACTIONS),
    )
    .option(
      '--out <dir>',
      'folder for the page, the groups as JSON, and images that are moved (default: duplicates)',
    )
    .action(async (images, options) => (await import('./commands/dedupe.ts')).dedupeCommand(images, options));
}
