import { DataError, UsageError } from 'fovea';
import { addressOf, expectLocal } from '../address.ts';
import { defined } from '../defined.ts';
import { FaultLog } from '../faultLog.ts';
import { checkOutputFile, expectNoInput } from '../files.ts';
import { adapterText } from '../gpu.ts';
import { openPlace, type Place } from '../place/place.ts';
import { openQueue, type QueueOptions } from '../queue/backend.ts';
import { expectOtherFolder } from '../resultFolder.ts';
import { hasSweep } from '../sweep/state.ts';
import { begin } from './begin.ts';
import { kindOf } from './kinds/index.ts';
import { IMAGE_SECONDS } from './options.ts';
import { type Executor, HereExecutor, ProcessesExecutor, runBatch } from './run.ts';
import { decodeShard } from './shard.ts';
import {
  type Batch,
  type BatchName,
  beginWork,
  FAILED,
  readInputs,
  readWork,
  shardCount,
  shardInputs,
  shardName,
  workPlace,
} from './work.ts';

/** How a batch is run. */
export interface RunningOptions extends QueueOptions {
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

/** Chooses what computes the shards: this process, several processes, or the workers of a queue. */
async function executorFor(running: RunningOptions): Promise<Executor> {
  const { queue, workers, imageTime = IMAGE_SECONDS, adapter } = running;
  let said = false;
  const options = {
    adapter,
    imageTime: imageTime * 1000,
    onAdapter: (found: { readonly name: string; readonly software: boolean }) => {
      if (!said) process.stderr.write(`${adapterText(found, process.stderr)}\n`);
      said = true;
    },
  };
  if (queue) {
    const { QueueExecutor } = await import('./queueExecutor.ts');
    return new QueueExecutor(await openQueue(running));
  }
  if (workers === 0) throw new UsageError('--workers 0 is for --queue, where others compute; give 1 or more');
  return workers === undefined ? new HereExecutor(options) : new ProcessesExecutor(workers, options);
}

/** fovea batch NAME: a command on very many images. */
export async function batchCommand(
  name: BatchName,
  model: string | undefined,
  images: readonly string[],
  options: BatchCommandOptions,
): Promise<void> {
  const { out, reportBad, shard = SHARD, force = false } = options;
  const results = openPlace(out);
  expectLocal('--report-bad', reportBad);
  const kind = await kindOf(name);
  kind.check(options);
  const { files, inputs, options: changed } = await begin(name, { model, images, options });
  // Without those that are of this command alone, and those that name files.
  const own = kind.check({ ...options, ...changed }) as Readonly<Record<string, unknown>>;
  await FaultLog.check(options);
  await expectOtherFolder(inputs, out);
  await expectNoInput(
    [reportBad],
    [...files, ...inputs].flatMap(({ file }) => (addressOf(file) ? [] : [file])),
  );
  if (reportBad !== undefined) await checkOutputFile(reportBad);
  await results.locked('batch', async (release) => {
    if (await hasSweep(results)) throw new UsageError(`${out}: has a sweep; choose another --out`);
    const place = workPlace(out);
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
  const place = workPlace(out);
  await readBatch(place, out);
  await openPlace(out).locked('batch', async (release) => {
    const batch = await readBatch(place, out);
    const failed = await forgetFailed(batch);
    process.stderr.write(
      `${failed} of ${batch.work.images} images failed; their shards are computed again\n`,
    );
    await runBatch(batch, await executorFor(options), { out, release });
  });
}
