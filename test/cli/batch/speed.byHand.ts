/** By hand, on a quiet machine (vitest run --project=by-hand test/cli/batch/speed): what a queue costs. The table is in docs/scale.md. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { QueueExecutor } from '../../../cli/src/batch/queueExecutor.ts';
import type { ShardTask } from '../../../cli/src/batch/runner.ts';
import { shardName, WORK_FOLDER } from '../../../cli/src/batch/work.ts';
import { openPlace } from '../../../cli/src/place/place.ts';
import { queueAddress } from '../../../cli/src/queue/address.ts';
import { openBackend } from '../../../cli/src/queue/backend.ts';
import { buildCli, fovea, startFovea } from '../run.ts';
import { Postgres } from './postgres.ts';
import { makeDetector, makePictures, WorkerProcess } from './scene.ts';

const PICTURES = 2048;
const SHARD = 256;

let folder: string;
let server: Postgres;
const at = (name: string) => path.join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-speed-'));
  await buildCli();
  server = await Postgres.open();
  process.env.FOVEA_QUEUE_PASSWORD = server.password;
});
afterAll(async () => {
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

it('costs little beside the shards', async () => {
  await makePictures(at('in'), PICTURES, 128);
  await makeDetector(at('m.safetensors'));
  const args = [
    'batch',
    'detect',
    at('m.safetensors'),
    at('in'),
    '--shard',
    String(SHARD),
    '--format',
    'csv',
  ];
  const queue = { FOVEA_QUEUE: server.address() };
  const seconds = async (work: () => Promise<unknown>): Promise<number> => {
    const begin = performance.now();
    await work();
    return (performance.now() - begin) / 1000;
  };
  const alone = await seconds(() => fovea(...args, '--out', at('alone')));
  const two = await seconds(() => fovea(...args, '--out', at('two'), '--workers', '2'));
  const one = new WorkerProcess('--queue', server.address());
  await expect.poll(() => one.logged('waiting').length).toBe(1);
  const queued = await seconds(() => startFovea([...args, '--out', at('queued')], queue).ended);
  const shards = one
    .logged('shard')
    .map(({ time, seconds }) => ({ end: Date.parse(String(time)) / 1000, seconds: Number(seconds) }));
  // Of the shards after the first, which opens the device.
  const [first, ...rest] = shards.sort((a, b) => a.end - b.end);
  const busy = rest.reduce((sum, { seconds }) => sum + seconds, 0);
  const overhead = (rest.at(-1)!.end - first!.end) / busy - 1;
  const other = new WorkerProcess('--queue', server.address());
  await expect.poll(() => other.logged('waiting').length).toBe(1);
  const both = await seconds(() => startFovea([...args, '--out', at('both')], queue).ended);
  await Promise.all([one.kill(), other.kill()]);
  console.log(
    `${PICTURES} images: one process ${alone.toFixed(1)} s, two ${two.toFixed(1)} s; a worker ${queued.toFixed(1)} s, two ${both.toFixed(1)} s; between shards ${(100 * overhead).toFixed(2)} %`,
  );
  expect(overhead).toBeLessThan(0.03);
});

it.each([1, 8, 64])('scales over %i workers that sleep', async (count) => {
  const step = 4000;
  const each = 8;
  await server.query('ALTER SYSTEM SET max_connections = 1000');
  await server.stop();
  await server.start();
  const address = queueAddress(server.address());
  const out = at(`sleep-${count}`);
  const place = openPlace(`${out}/${WORK_FOLDER}`);
  const workers = await Promise.all(
    Array.from({ length: count }, async () => {
      const backend = await openBackend(address, 'fovea', console.error);
      const worker = backend.worker(
        async ({ data }) => {
          await new Promise((resolve) => setTimeout(resolve, step));
          await place.write(shardName(data.shard), 'done');
          return {};
        },
        { concurrency: 1, lockDuration: 30_000 },
      );
      await worker.waitUntilReady();
      return backend;
    }),
  );
  const inputs = Array.from({ length: SHARD }, (_, i) => ({
    file: `/data/images/${i}.jpg`,
    inside: `${i}.jpg`,
    name: `${i}`,
  }));
  const tasks = Array.from(
    { length: count * each },
    (_, shard): ShardTask => ({
      ...{ batch: count.toString(16).padStart(16, '0'), out, shard, inputs },
    }),
  );
  const executor = new QueueExecutor(await openBackend(address, 'fovea', console.error));
  const begin = performance.now();
  let done = 0;
  for await (const _ of executor.run(tasks)) done++;
  const seconds = (performance.now() - begin) / 1000;
  const share = (each * step) / 1000 / seconds;
  console.log(
    `${count} workers: ${done} shards of ${step / 1000} s in ${seconds.toFixed(1)} s, ${(100 * share).toFixed(1)} % of the ideal`,
  );
  await Promise.all([...workers.map((one) => one.close()), executor.close()]);
  expect(share).toBeGreaterThan(0.9);
});
