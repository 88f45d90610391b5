import { type Command, Option } from 'commander';
import { MODEL_FILE, whole } from './optionValues.ts';

const METRICS = ['euclidean', 'sqeuclidean', 'manhattan', 'cosine', 'dot'];
const adapter = (): Option =>
  new Option('--adapter <kind>', 'the adapter to use (default: auto)').choices([
    'auto',
    'hardware',
    'lavapipe',
    'swiftshader',
  ]);

/** Adds `fovea index` and `fovea search`. */
export function addSearchCommands(program: Command): void {
  program
    .command('index')
    .description(
      'put images, as vectors of a model, into a file that fovea search searches; or the rows of .npy files',
    )
    .argument(
      '<index>',
      'the file, which is made where it is not there; images that are in it already are left out',
    )
    .argument('[inputs...]', 'image files and folders of images, or .npy files; with --remove ids of items')
    .option('--model <file>', `what makes the vectors: ${MODEL_FILE} (default: that of the index)`)
    .option('--layer <name>', 'the layer whose features are the vectors (default: the last before the head)')
    .addOption(
      new Option('--pooling <how>', 'how features of places become one vector (default: mean)').choices([
        'mean',
        'max',
        'cls',
      ]),
    )
    .option('--arch <name>', "torchvision's name for the weights (default: told by them)")
    .addOption(new Option('--metric <name>', 'what is near (default: cosine)').choices(METRICS))
    .option('--ids <file>', 'an id per line for the rows of a .npy file (default: numbers)')
    .option('--remove', 'take the items out')
    .option('--compact', 'write the file again without what was taken out, which keeps its place until then')
    .option('--recursive', 'look into the folders below a folder too')
    .addOption(adapter())
    .action(async (index, inputs, options) =>
      (await import('./commands/index.ts')).indexCommand(index, inputs, options),
    );
  program
    .command('search')
    .description('find what is nearest in an index, exactly')
    .argument('<index>', 'a file of fovea index')
    .argument('<queries...>', 'ids of items, images, folders of images, or .npy files of vectors')
    .option('-k, --k <n>', 'how many are found for each query (default: 10)', whole(1))
    .addOption(new Option('--metric <name>', 'what is near (default: that of the index)').choices(METRICS))
    .option('--model <file>', 'the model, where it is no longer where it was')
    .option('--json <file>', 'also write what was found to a JSON file')
    .option('--sheet <file>', 'also write a page with the images, .html')
    .option('--recursive', 'look into the folders below a folder too')
    .addOption(adapter())
    .action(async (index, queries, options) =>
      (await import('./commands/search.ts')).searchCommand(index, queries, options),
    );
}
