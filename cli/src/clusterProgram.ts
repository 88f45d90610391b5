import { type Command, InvalidArgumentError, Option } from 'commander';
import { layerOptions, modelFileOptions } from './embedderOptions.ts';
import { MODEL_FILE, whole } from './optionValues.ts';

/** `2-10` as [2, 10]. */
const range = (text: string): [number, number] => {
  const [, first = '', last = ''] = /^ *(\d+) *- *(\d+) *$/.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first === '' || !(from >= 1 && to >= from && to <= 100_000)) {
    throw new InvalidArgumentError('give the fewest and the most clusters, such as 2-10.');
  }
  return [from, to];
};

/** Adds `fovea cluster`. */
export function addClusterCommand(program: Command): void {
  const command = program
    .command('cluster')
    .description('find which images, or vectors, belong together, and how many kinds there are')
    .argument(
      '<input>',
      'a file of vectors (.npy, .safetensors, .csv, .index), or with --model a folder of images',
    )
    .option('-k, --k <n>', 'how many clusters (default: as many of --k-range as --by chooses)', whole(1))
    .option(
      '--k-range <from-to>',
      'the numbers of clusters to choose from (default: 2-10, and 1-10 by gap)',
      range,
    )
    .addOption(
      new Option(
        '--by <criterion>',
        'what chooses their number (default: silhouette; elbow for more than 20,000 items)',
      ).choices(['silhouette', 'elbow', 'gap']),
    )
    .addOption(
      new Option('--method <name>', 'default: kmeans, or kmedoids for other metrics than euclidean').choices([
        'kmeans',
        'kmedoids',
      ]),
    )
    .addOption(
      new Option('--metric <name>', 'how far apart two vectors are (default: euclidean)').choices([
        'euclidean',
        'sqeuclidean',
        'cosine',
        'manhattan',
      ]),
    )
    .option('--model <file>', `what makes vectors of the images of a folder: ${MODEL_FILE}`);
  modelFileOptions(layerOptions(command))
    .option('--recursive', 'look into the folders below a folder too')
    .option('--report <file>', 'write a page with the images of each cluster, a map and curves, .html')
    .option('--samples <n>', 'images of each cluster on the page (default: 12)', whole(0))
    .option('--json <file>', 'write clusters, curves and the cluster of each item to a JSON file')
    .option('--csv <file>', 'write the cluster of each item to a table')
    .option('--out <dir>', 'put links to the files into a folder for each cluster')
    .option('--copy', 'put copies of the files into --out instead of links')
    .option('--seed <n>', 'what first centers, samples and the map are drawn by (default: 0)', whole(0))
    .addOption(
      new Option('--adapter <kind>', 'the adapter to use (default: auto)').choices([
        'auto',
        'hardware',
        'lavapipe',
        'swiftshader',
      ]),
    )
    .action(async (input, options) => (await import('./commands/cluster.ts')).clusterCommand(input, options));
}
