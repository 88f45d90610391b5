import { DataError, UsageError } from 'fovea';
import { addressOf, below, expectLocal } from '../address.ts';
import { expectClassifier } from '../commands/classify.ts';
import { NO_PANOPTIC } from '../commands/predict.ts';
import { defined } from '../defined.ts';
import { FaultLog } from '../faultLog.ts';
import { checkOutputFile, expectNoInput } from '../files.ts';
import { adapterText } from '../gpu.ts';
import { hasher } from '../hashRows.ts';
import { imageInputs } from '../imageInputs.ts';
import { type ModelFileOptions, readModel, sayModel } from '../modelFiles.ts';
import { type DetectOptions, expectDetectable } from '../predictor.ts';
import { expectOtherFolder } from '../resultFolder.ts';
import { expectResultOptions, type ResultOptions } from '../results.ts';
import { kindOf } from './kinds/index.ts';
import { openPlace, type Place } from './place.ts';
import { expectQueue, queueAddress } from './queue/address.ts';
import { openBackend } from './queue/backend.ts';
import { IMAGE_SECONDS, NAMESPACE } from './queue/settings.ts';
import { type Executor, FAILED, HereExecutor, ProcessesExecutor, runBatch } from './run.ts';
import { decodeShard } from './shard.ts';
import {
  type Batch,
  type BatchName,
  beginWork,
  readInputs,
  readWork,
  shardCount,
  shardInputs,
  shardName,
  WORK_FOLDER,
} from './work.ts';

/** How a batch is run. */
export interface RunningOptions {
  readonly queue?: string;
  readonly namespace?: string;
  readonly workers?: number;
  /** Seconds. */
  readonly imageTime?: number;
  readonly adapter?: string;
}

export interface BatchCommandOptions extends RunningOptions {
  readonly out: string;
  readonly shard?: number;
  readonly force?: boolean;
  readonly recursive?: boolean;
  readonly reportBad?: string;
}

const SHARD = 256;

/** Options that say how and where a batch is run, not what it computes. */
const RUNNING = [
  'namespace',
  'queue',
  'workers',
  'imageTime',
  'adapter',
  'out',
  'shard',
  'force',
  'recursive',
  'reportBad',
];
/** Options that name files. */
const FILES = ['weights', 'names'] as const;

/** Who computes: this process, several ones, or the workers of a queue. */
async function executorFor({
  queue,
  namespace = NAMESPACE,
  workers,
  imageTime = IMAGE_SECONDS,
  adapter,
}: RunningOptions): Promise<Executor> {
  let said = false;
  const options = {
    adapter,
    imageTime: imageTime * 1000,
    onAdapter: (found: { readonly name: string; readonly software: boolean }) => {
      if (!said) process.stderr.write(`${adapterText(found, process.stderr)}\n`);
      said = true;
    },
  };
  if (queue !== undefined) {
    const { QueueExecutor } = await import('./queue/executor.ts');
    const address = queueAddress(queue);
    await expectQueue(address);
    const backend = await openBackend(address, namespace, () => undefined);
    return new QueueExecutor(backend, address.shown);
  }
  if (workers === 0) throw new UsageError('--workers 0 is for --queue, where others compute; give 1 or more');
  return workers === undefined ? new HereExecutor(options) : new ProcessesExecutor(workers, options);
}

/** Reads the model, and checks what is asked of it. Returns the files that the batch needs. */
async function checkModel(
  name: Exclude<BatchName, 'hash'>,
  model: string,
  options: ModelFileOptions & DetectOptions & Partial<ResultOptions>,
) {
  const beside: string[] = [];
  const opened = await readModel(model, { ...options, onBeside: (file) => beside.push(file) });
  sayModel(model, opened);
  if (name === 'classify') expectClassifier(model, opened);
  if (name === 'detect') expectDetectable(model, opened, options);
  if (name === 'segment' && options.format === 'panoptic') throw new UsageError(NO_PANOPTIC);
  expectResultOptions(options);
  return [
    { option: 'model', file: model },
    ...[...new Set(beside)].map((file) => ({ option: null, file })),
    ...FILES.flatMap((option) => (options[option] === undefined ? [] : [{ option, file: options[option] }])),
  ];
}

/** fovea batch detect, segment, classify and hash: a command on very many images. */
export async function batchCommand(
  name: BatchName,
  model: string | undefined,
  images: readonly string[],
  options: BatchCommandOptions,
): Promise<void> {
  const { out, reportBad, shard = SHARD, force = false } = options;
  const results = openPlace(out);
  const own = Object.fromEntries(
    Object.entries(options).filter(([key]) => ![...RUNNING, ...FILES].includes(key)),
  );
  (await kindOf(name)).check(own);
  expectLocal('the model', model);
  for (const option of FILES) expectLocal(`--${option}`, (options as ModelFileOptions)[option]);
  expectLocal('--report-bad', reportBad);
  if (name === 'hash') hasher(own);
  const files = name === 'hash' ? [] : await checkModel(name, model!, options);
  const inputs = await imageInputs(images, { ...options, stored: true });
  await FaultLog.check(options);
  await expectOtherFolder(inputs, out);
  await expectNoInput([reportBad], [model, ...inputs.flatMap(({ file }) => (addressOf(file) ? [] : [file]))]);
  if (reportBad !== undefined) await checkOutputFile(reportBad);
  await results.locked(async (release) => {
    const place = openPlace(below(out, WORK_FOLDER));
    const batch = await beginWork(place, { name, options: own, files, inputs, shardSize: shard }, force);
    try {
      await runBatch(batch, await executorFor(options), { out, release, ...defined({ reportBad }) });
    } catch (error) {
      // A batch of which nothing could be computed leaves nothing.
      const shards = await place.list('shards').catch(() => undefined);
      if (shards?.length === 0) await place.remove('').catch(() => undefined);
      throw error;
    }
  });
}

/** Removes the shards in which images failed. Returns how many images those were. */
async function forgetFailed({ work, place, inputs }: Batch): Promise<number> {
  let failed = 0;
  for (let shard = 0; shard < shardCount(work); shard++) {
    const name = shardName(shard);
    const content = await place.read(name);
    if (!content) continue;
    const own = shardInputs(inputs, work, shard);
    const outcomes = await decodeShard(content, own.length, `${place.url}/${name}`);
    const faults = outcomes.filter((one) => 'fault' in one).length;
    if (faults > 0) await place.remove(name);
    failed += faults;
  }
  return failed;
}

async function readBatch(place: Place, out: string): Promise<Batch> {
  const work = await readWork(place);
  if (work) return { work, place, inputs: await readInputs(place) };
  const ended = await openPlace(out).has(FAILED);
  throw new DataError(
    `${out}: has no batch to go on with${ended ? '' : '; where nothing fails, nothing is left to try again'}`,
  );
}

/** fovea retry: computes the images again that failed. */
export async function retryCommand(out: string, options: RunningOptions): Promise<void> {
  const place = openPlace(below(out, WORK_FOLDER));
  await readBatch(place, out);
  await openPlace(out).locked(async (release) => {
    const batch = await readBatch(place, out);
    const failed = await forgetFailed(batch);
    process.stderr.write(
      `${failed} of ${batch.work.images} images failed; their shards are computed again\n`,
    );
    await runBatch(batch, await executorFor(options), { out, release });
  });
}
