/** A batch from its images to its results: shards go to whoever computes them, and what comes back is put together in order. */
import { DataError } from 'fovea';
import type { DataFault } from 'fovea/data';
import { absolute, below } from '../address.ts';
import { counted } from '../counted.ts';
import { endBySignal, onInterrupt } from '../errors.ts';
import { FaultLog } from '../faultLog.ts';
import { openPlace } from '../place/place.ts';
import { PlaceError } from '../place/placeError.ts';
import { printable } from '../printable.ts';
import { createProgress } from '../progress.ts';
import { ComputingProcess } from './childProcess.ts';
import { fetchFiles } from './files.ts';
import { kindOf } from './kinds/index.ts';
import { type RunnerOptions, type ShardDone, ShardRunner, type ShardTask } from './runner.ts';
import { decodeShard, type Outcome } from './shard.ts';
import { type Batch, FAILED, shardCount, shardInputs, shardName } from './work.ts';

/** Computes shards somewhere; gives them as they are done, in any order. */
export interface Executor {
  run(tasks: readonly ShardTask[]): AsyncIterable<ShardDone>;
  close(): Promise<void>;
}

/** One process, this one. */
export class HereExecutor implements Executor {
  readonly #runner: ShardRunner;

  constructor(options: RunnerOptions) {
    this.#runner = new ShardRunner(options);
  }

  async *run(tasks: readonly ShardTask[]): AsyncGenerator<ShardDone> {
    for (const task of tasks) yield await this.#runner.run(task);
  }

  async close(): Promise<void> {
    this.#runner.close();
  }
}

/** Several processes of this machine. */
export class ProcessesExecutor implements Executor {
  readonly #processes: ComputingProcess[];

  constructor(count: number, options: RunnerOptions & { readonly imageTime: number }) {
    this.#processes = Array.from({ length: count }, () => new ComputingProcess(options));
  }

  async *run(tasks: readonly ShardTask[]): AsyncGenerator<ShardDone> {
    const waiting = [...tasks];
    type Ran = { readonly of: ComputingProcess; readonly done: ShardDone };
    const running = new Map<ComputingProcess, Promise<Ran>>();
    const next = (of: ComputingProcess): void => {
      const task = waiting.shift();
      running.delete(of);
      if (!task) return;
      const ran = of.run(task).then((done) => ({ of, done }));
      // Where another one fails, nobody waits for this one any more.
      ran.catch(() => undefined);
      running.set(of, ran);
    };
    for (const one of this.#processes) next(one);
    while (running.size > 0) {
      const { of, done } = await Promise.race(running.values());
      next(of);
      yield done;
    }
  }

  async close(): Promise<void> {
    for (const one of this.#processes) one.close();
  }
}

export interface RunBatchOptions {
  /** The folder of results. */
  readonly out: string;
  /** The file for everything that is bad, as JSON. */
  readonly reportBad?: string;
  /** Lets others write there; called where a signal ends the process. */
  readonly release: () => Promise<void>;
}

/** The shards of a batch that are not done yet. */
export async function openTasks({ work, place, inputs }: Batch, out: string): Promise<ShardTask[]> {
  const { url } = openPlace(out);
  const done = new Set((await place.list('shards')).map((name) => `shards/${name}`));
  return Array.from({ length: shardCount(work) }, (_, shard) => shard)
    .filter((shard) => !done.has(shardName(shard)))
    .map((shard) => ({
      batch: work.id,
      out: url,
      shard,
      inputs: shardInputs(inputs, work, shard).map((input) => ({
        ...input,
        file: absolute(work.folder, input.file),
      })),
    }));
}

/** The outcomes of all images, in their order. */
async function* outcomesOf({ work, place, inputs }: Batch) {
  for (let shard = 0; shard < shardCount(work); shard++) {
    const name = shardName(shard);
    const content = await place.read(name);
    if (!content) throw new DataError(`${place.url}/${name}: is missing; go on with the batch`);
    const own = shardInputs(inputs, work, shard);
    const outcomes: Outcome[] = await decodeShard(content, own.length, `${place.url}/${name}`);
    for (const [i, input] of own.entries()) yield { input, outcome: outcomes[i]! };
  }
}

/** What results coming together have shown. */
interface Merged {
  /** Of images that failed. */
  readonly faults: FaultLog;
  /** What else was left out or changed. */
  readonly notes: readonly DataFault[];
}

/** Puts the results of all images together. */
export async function mergeBatch(batch: Batch, out: string): Promise<Merged> {
  const { work, place, inputs } = batch;
  const kind = await kindOf(work.name);
  const files = await fetchFiles(place, work);
  return openPlace(out).assemble(async (folder) => {
    const faults = new FaultLog();
    const notes: DataFault[] = [];
    const note = (fault: DataFault): void => void notes.push(fault);
    const sink = await kind.sink(kind.check(work.options), {
      ...{ files, inputs, out: folder, home: out, folder: work.folder, note },
    });
    try {
      for await (const { input, outcome } of outcomesOf(batch)) {
        if ('fault' in outcome) {
          faults.add({ level: 'image', ...outcome.fault });
          continue;
        }
        try {
          await sink.add(outcome.result, input);
        } catch (error) {
          // As what a format has no place for.
          if (!(error instanceof DataError) || error instanceof PlaceError) throw error;
          faults.add({ level: 'image', kind: 'other', message: error.message });
        }
      }
      await sink.finish();
    } catch (error) {
      await sink.discard().catch(() => undefined);
      throw error;
    }
    return { faults, notes };
  });
}

/** Computes what of a batch is not done yet, and puts all results together. A signal ends it so that the same command goes on. */
export async function runBatch(
  batch: Batch,
  executor: Executor,
  { out, reportBad, release: releaseOut }: RunBatchOptions,
): Promise<void> {
  const { work } = batch;
  const shards = shardCount(work);
  const tasks = await openTasks(batch, out);
  let done = work.images - tasks.reduce((sum, { inputs }) => sum + inputs.length, 0);
  let left = tasks.length;
  const progress = createProgress({
    total: work.images,
    label: work.name,
    unit: ['image', 'images'],
    start: done,
  });
  const ignoreSignals = onInterrupt(() => {
    progress.done();
    process.stderr.write(
      `stopped: ${shards - left} of ${counted(shards, 'shard')} done; the same command goes on\n`,
    );
    void Promise.allSettled([executor.close(), releaseOut()]).then(endBySignal);
  });
  if (done > 0) progress.log(`${done} of ${counted(work.images, 'image')} were done before`);
  try {
    for await (const { images } of executor.run(tasks)) {
      done += images;
      left--;
      progress.update(done);
    }
    progress.done();
    await executor.close();
    const { faults, notes } = await mergeBatch(batch, out);
    if (reportBad !== undefined) {
      const all = new FaultLog();
      for (const fault of [...faults.faults, ...notes]) all.add(fault);
      await all.write(reportBad);
    }
    await finishBatch(batch, out, faults);
  } finally {
    ignoreSignals();
    progress.done();
    await executor.close();
  }
}

/** Says what came of it. The parts are removed unless images failed, which may be tried again. */
async function finishBatch({ work, place }: Batch, out: string, { faults }: FaultLog): Promise<void> {
  const results = openPlace(out);
  if (faults.length === 0) {
    await results.remove(FAILED);
    await place.remove('');
    process.stdout.write(`${printable(out)}: ${counted(work.images, 'image')}\n`);
    return;
  }
  await results.write(FAILED, faults.map((fault) => `${JSON.stringify(fault)}\n`).join(''));
  process.stdout.write(
    `${printable(out)}: ${counted(work.images - faults.length, 'image')} of ${work.images}\n`,
  );
  throw new DataError(
    `${faults.length} of ${counted(work.images, 'image')} failed (${below(out, FAILED)}; fovea retry ${out} tries them again); the first: ${faults[0]!.message}`,
  );
}
