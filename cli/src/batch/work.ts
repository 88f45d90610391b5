/** What a batch is: the command and its options, the files that it needs, and its images in shards. */
import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import { readFileBytes } from 'fovea/io';
import * as v from 'valibot';
import { addressOf, below } from '../address.ts';
import { parseAs } from '../checked.ts';
import { openPlace, type Place } from '../place/place.ts';
import { sha256 } from '../sha256.ts';

/** The version of batches. */
export const BATCH_VERSION = 1;

/** What can be done in batches. */
export const BATCH_NAMES = [
  'detect',
  'segment',
  'classify',
  'hash',
  'cutout',
  'embed',
  'eval',
  'convert',
] as const;
export type BatchName = (typeof BATCH_NAMES)[number];

const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const whole = v.pipe(v.number(), v.integer(), v.minValue(0));
/** A file's own name, which leads nowhere else. */
const fileName = v.pipe(v.string(), v.regex(/^(?!\.{1,2}$)[^/\\\0]{1,255}$/));

const inputSchema = v.object({
  file: v.string(),
  inside: v.string(),
  name: v.string(),
  /** What it is. Default: an image. An annotation has its image in itself. */
  kind: v.optional(v.picklist(['image', 'video', 'sound', 'annotation'])),
});
export const inputsSchema = v.array(inputSchema);
/** What results are wanted of. */
export type BatchInput = v.InferOutput<typeof inputSchema>;

/** The name of an option, which is that of a folder too. */
const optionName = v.pipe(v.string(), v.regex(/^[a-zA-Z]{1,40}$/));
const fileSchema = v.object({
  option: v.nullable(optionName),
  /** Where `option` is null: that of the model beside which it is. Default: model. */
  beside: v.optional(optionName),
  name: fileName,
  sha256: hash,
});
/** A file that the options name, or that a model names beside itself (`option` is null). */
export type WorkFile = v.InferOutput<typeof fileSchema>;

const workSchema = v.object({
  version: v.literal(BATCH_VERSION),
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/)),
  name: v.picklist(BATCH_NAMES),
  /** Those of the command, without files. */
  options: v.record(v.string(), v.unknown()),
  files: v.array(fileSchema),
  /** Paths of images that are not absolute begin here. */
  folder: v.string(),
  images: whole,
  shardSize: v.pipe(whole, v.minValue(1)),
  created: v.string(),
});
export type BatchWork = v.InferOutput<typeof workSchema>;

/** The folder for the parts of a batch, in that of its results. */
export const WORK_FOLDER = '.fovea-batch';
/** The list of images that could not be used, in the folder of results. */
export const FAILED = 'failed.jsonl';
/** Where the parts of a batch are, by the place of its results. */
export const workPlace = (out: string): Place => openPlace(below(out, WORK_FOLDER));
const WORK = 'work.json';
const INPUTS = 'inputs.json';

/** `shards/000012.jsonl.gz`. */
export const shardName = (shard: number): string => `shards/${String(shard).padStart(6, '0')}.jsonl.gz`;
const fileAt = ({ sha256 }: WorkFile): string => `files/${sha256}`;

export const shardCount = ({ images, shardSize }: Pick<BatchWork, 'images' | 'shardSize'>): number =>
  Math.ceil(images / shardSize);

/** The images of a shard. */
export const shardInputs = (
  inputs: readonly BatchInput[],
  { shardSize }: BatchWork,
  shard: number,
): BatchInput[] => inputs.slice(shard * shardSize, (shard + 1) * shardSize);

/** A file by its path. */
export interface NewFile extends Pick<WorkFile, 'option' | 'beside'> {
  readonly file: string;
}

/** What `beginWork` takes: what is done, and on what. */
export interface NewWork {
  readonly name: BatchName;
  readonly options: Readonly<Record<string, unknown>>;
  readonly files: readonly NewFile[];
  readonly inputs: readonly BatchInput[];
  readonly shardSize: number;
}

/** A batch: its parts are at a place. */
export interface Batch {
  readonly work: BatchWork;
  readonly place: Place;
  readonly inputs: readonly BatchInput[];
}

/** Whether there is a batch at a place. */
export const hasWork = (place: Place): Promise<boolean> => place.has(WORK);

/** Throws UsageError where a batch was begun whose results go to a place. */
export async function expectNoBatch(out: string): Promise<void> {
  if (await hasWork(workPlace(out)))
    throw new UsageError(`${out}: a batch was begun there; choose another --out`);
}

/** Reads a batch at a place. Undefined where there is none; throws DataError for one that is damaged or of another version. */
export async function readWork(place: Place): Promise<BatchWork | undefined> {
  const content = await place.read(WORK);
  if (!content) return undefined;
  const name = `${place.url}/${WORK}`;
  const { version } = parseAs(v.object({ version: v.unknown() }), content, name);
  if (version !== BATCH_VERSION) {
    throw new DataError(
      `${name}: is a batch of version ${version}, and this fovea reads version ${BATCH_VERSION}; end it with the fovea that began it, or remove ${place.url}`,
    );
  }
  return parseAs(workSchema, content, name);
}

/** The images of a batch. */
export async function readInputs(place: Place): Promise<BatchInput[]> {
  const content = await place.read(INPUTS);
  if (!content)
    throw new DataError(`${place.url}/${INPUTS}: is missing; remove ${place.url}, and begin again`);
  return parseAs(inputsSchema, content, `${place.url}/${INPUTS}`);
}

/**
 * Begins a batch at a place, or goes on with it where the same was begun there: the same command with the same options, files and images.
 *
 * @param force Whether another batch that was begun there is removed.
 * @throws UsageError where another one was begun.
 */
export async function beginWork(place: Place, wanted: NewWork, force: boolean): Promise<Batch> {
  const { name, options, inputs, shardSize } = wanted;
  const contents = await Promise.all(wanted.files.map(({ file }) => readFileBytes(file)));
  const files = wanted.files.map(
    ({ file, ...of }, i): WorkFile => ({ ...of, name: path.basename(file), sha256: sha256(contents[i]!) }),
  );
  const list = JSON.stringify(inputs);
  // Where all images are in a store, it does not matter.
  const folder = inputs.every(({ file }) => addressOf(file)) ? '' : process.cwd();
  const identity = [BATCH_VERSION, name, options, files, folder, shardSize, sha256(list)];
  const id = sha256(JSON.stringify(identity)).slice(0, 16);
  const known = await readWork(place);
  if (known?.id === id) return { work: known, place, inputs };
  if (known && !force) {
    throw new UsageError(
      `${place.url}: has a batch of other options or images that was not ended; go on with those, choose another --out, or remove it with --force`,
    );
  }
  // Also what is left of one that was being removed.
  await place.remove('');
  for (const [i, file] of files.entries()) await place.write(fileAt(file), contents[i]!);
  await place.write(INPUTS, list);
  const created = new Date().toISOString();
  const work: BatchWork = {
    ...{ version: BATCH_VERSION, id, name, options, files, folder, shardSize, created },
    images: inputs.length,
  };
  // The last of all: where it is there, the rest is.
  await place.write(WORK, `${JSON.stringify(work, undefined, 2)}\n`);
  return { work, place, inputs };
}

/** The content of a file of a batch. Throws DataError where it is missing or not what it was. */
export async function readWorkFile(place: Place, file: WorkFile): Promise<Uint8Array> {
  const content = await place.read(fileAt(file));
  if (content && sha256(content) === file.sha256) return content;
  throw new DataError(
    `${place.url}/${fileAt(file)}: ${content ? 'is damaged' : 'is missing'} (${file.name}); remove ${place.url}, and begin the batch again`,
  );
}
