import { type Command, InvalidArgumentError, Option } from 'commander';
import { MOST_PIXELS } from '../mostPixels.ts';
import { positive, whole } from '../optionValues.ts';

import { DEDUPE, DEFAULTS, FORMATS } from './options.ts';

/** Timers take no more than 24 days; a day is long enough. */
const MOST_SECONDS = 86_400;

function seconds(text: string): number {
  const value = positive(text);
  if (value > MOST_SECONDS) throw new InvalidArgumentError(`give at most ${MOST_SECONDS} seconds.`);
  return value;
}

/** What may stand in a header. */
function headerText(text: string): string {
  if (/^[!-~][ -~]*$/.test(text)) return text;
  throw new InvalidArgumentError('give a name of ASCII characters, such as mybot/1.0.');
}

/** Adds the command that fetches the images of a list of URLs. */
export function addGatherCommand(program: Command): void {
  const byDefault = (name: keyof typeof DEFAULTS): string => `(default: ${DEFAULTS[name]})`;
  program
    .command('gather')
    .description('fetch the images of a list of URLs, with a record for each')
    .argument('<urls>', 'text file with a URL on each line, or a .csv or .tsv file with a column of URLs')
    .requiredOption(
      '--out <dir>',
      'folder for the images and manifest.csv; an earlier run into it is continued',
    )
    .option('--url-column <name>', 'the column of the URLs (default: url, image_url, img_url or link)')
    .option('--concurrency <n>', `most requests at a time ${byDefault('concurrency')}`, whole(1, 1000))
    .option('--per-host <n>', `most requests to one host at a time ${byDefault('perHost')}`, whole(1, 1000))
    .option(
      '--retries <n>',
      `tries after the first, for failures that may pass ${byDefault('retries')}`,
      whole(0, 100),
    )
    .option(
      '--retry-delay <seconds>',
      `pause before the second try; it doubles with each further one ${byDefault('retryDelay')}`,
      seconds,
    )
    .option(
      '--max-wait <seconds>',
      `longest pause; servers that ask for more (Retry-After, Crawl-delay) have failed ${byDefault('maxWait')}`,
      seconds,
    )
    .option('--timeout <seconds>', `longest time of a request ${byDefault('timeout')}`, seconds)
    .option(
      '--stall-timeout <seconds>',
      `longest time of a request in which nothing arrives ${byDefault('stallTimeout')}`,
      seconds,
    )
    .option('--max-bytes <n>', `most bytes of an image file ${byDefault('maxBytes')}`, whole(1))
    .option('--max-pixels <n>', `most pixels of an image ${byDefault('maxPixels')}`, whole(1, MOST_PIXELS))
    .option('--max-redirects <n>', `most redirects of a URL ${byDefault('maxRedirects')}`, whole(0, 100))
    .option('--size <pixels>', 'shrink images with a longer side to it (default: none)', whole(1, 65536))
    .addOption(
      new Option(
        '--format <format>',
        `encode images that have another format ${byDefault('format')}`,
      ).choices(FORMATS),
    )
    .option(
      '--quality <n>',
      `quality of JPEG and WebP, where images are encoded again ${byDefault('quality')}`,
      whole(1, 100),
    )
    .addOption(
      new Option(
        '--dedupe <how>',
        `of images of the same bytes keep the first (bytes), also put aside those that look like an earlier one (hash), or keep all (none) ${byDefault('dedupe')}`,
      ).choices(DEDUPE),
    )
    .option(
      '--distance <bits>',
      `images look alike whose perceptual hashes differ in no more bits of 64 ${byDefault('distance')}`,
      whole(0, 63),
    )
    .option('--allow-private', 'also ask private, loopback and other addresses that are not public')
    .option('--allow-address <list>', 'also ask these addresses and networks, such as 127.0.0.1,10.1.0.0/16')
    .option('--ignore-robots', 'do not heed robots.txt and X-Robots-Tag; for servers whose owner agrees')
    .option(
      '--user-agent <text>',
      'what the program calls itself; its first word counts in robots.txt (default: fovea/VERSION and an address)',
      headerText,
    )
    .option('--skip-failed', 'leave what failed in an earlier run as it is (default: try it again)')
    .action(async (urls, options) =>
      (await import('./command.ts')).gatherCommand(urls, options, program.version()!),
    );
}
