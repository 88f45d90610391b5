import { decodeModel, type FixedPreprocessing, fromDarknet, type TrainedModel, UsageError } from 'fovea';
import { readFileBytes } from 'fovea/io';

/** Options of commands that run a model of any origin. */
export interface ModelFileOptions {
  /** The weights of a model whose own file only describes it. */
  readonly weights?: string;
  /** The names of its classes, one per line. */
  readonly names?: string;
  /** How images are brought to its size. */
  readonly fit?: FixedPreprocessing['fit'];
}

const readText = async (file: string): Promise<string> => new TextDecoder().decode(await readFileBytes(file));

/**
 * Reads a trained model: a file that `fovea train` wrote, or Darknet's .cfg with its weights. What it is, its content says.
 */
export async function readModel(file: string, options: ModelFileOptions): Promise<TrainedModel> {
  const bytes = await readFileBytes(file);
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 4096));
  if (/^\s*(?:[#;][^\n]*\n\s*)*\[net(?:work)?\]/.test(start)) return readDarknet(file, bytes, options);
  const stray = (['weights', 'names', 'fit'] as const).find((name) => options[name] !== undefined);
  if (stray) {
    throw new UsageError(`--${stray} is for Darknet's .cfg files; ${file} has its weights and classes in it`);
  }
  return decodeModel(bytes, file);
}

async function readDarknet(
  file: string,
  bytes: Uint8Array,
  { weights, names, fit }: ModelFileOptions,
): Promise<TrainedModel> {
  if (weights === undefined) {
    throw new UsageError(`${file} describes a network without its weights; name their file (--weights)`);
  }
  const files = { cfg: new TextDecoder().decode(bytes), weights: await readFileBytes(weights) };
  const classes = names === undefined ? {} : { names: await readText(names) };
  return fromDarknet({ ...files, ...classes }, { name: file, ...(fit ? { fit } : {}) });
}
