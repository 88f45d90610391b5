import { type Command, Option } from 'commander';
import { layerOptions, modelFileOptions } from './embedderOptions.ts';
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
  const index = program
    .command('index')
    .description(
      'put images, as vectors of a model, into a file that fovea search searches; or the vectors of a file',
    )
    .argument('<index>', 'the file, which is made where it is not there; what is in it already is left out')
    .argument(
      '[inputs...]',
      'image files and folders of images, or files of vectors (.npy, .safetensors, .csv, .index); with --remove ids of items',
    )
    .option('--model <file>', `what makes the vectors: ${MODEL_FILE} (default: that of the index)`);
  modelFileOptions(layerOptions(index))
    .addOption(new Option('--metric <name>', 'what is near (default: cosine)').choices(METRICS))
    .option(
      '--ids <file>',
      'an id per line for the vectors of a file (default: the names that it or NAME.files.json has, or numbers)',
    )
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
    .argument('<queries...>', 'ids of items, images, folders of images, or files of vectors')
    .option('-k, --k <n>', 'how many are found for each query (default: 10)', whole(1))
    .addOption(new Option('--metric <name>', 'what is near (default: that of the index)').choices(METRICS))
    .option(
      '--model <file>',
      'the model, where it is no longer where it was, or the index is of vectors of a file',
    )
    .option('--weights <file>', "the .weights file of Darknet's .cfg, where it is no longer where it was")
    .option('--json <file>', 'also write what was found to a JSON file')
    .option('--sheet <file>', 'also write a page with the images, .html')
    .option('--recursive', 'look into the folders below a folder too')
    .addOption(adapter())
    .action(async (index, queries, options) =>
      (await import('./commands/search.ts')).searchCommand(index, queries, options),
    );
}
