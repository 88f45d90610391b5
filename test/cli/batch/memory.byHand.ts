/** By hand, as it takes minutes: what workers, the batch and the queue keep over very many shards. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildCli, startFovea } from '../run.ts';
import { Postgres } from './postgres.ts';
import { WorkerProcess } from './scene.ts';

const SHARDS = 20_000;

let folder: string;
let server: Postgres;
const at = (name: string) => path.join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-memory-'));
  await buildCli();
  server = await Postgres.open();
  const picture = await sharp({ create: { width: 16, height: 16, channels: 3, background: '#800' } })
    .png()
    .toBuffer();
  for (let i = 0; i < SHARDS; i++) await writeFile(at(`p${i}.png`), picture);
});
afterAll(async () => {
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

/** The memory of a process, in MB. */
const memoryOf = async (pid: number): Promise<number> =>
  Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'VmRSS: 0'))?.[1]) /
  1024;

it('stays flat', async () => {
  process.env.FOVEA_QUEUE = server.address();
  process.env.FOVEA_QUEUE_PASSWORD = server.password;
  const workers = [new WorkerProcess(), new WorkerProcess()];
  const { child, ended } = startFovea(['batch', 'hash', folder, '--shard', '1', '--out', at('out')]);
  const rows: number[][] = [];
  const measure = async (): Promise<void> => {
    const done = workers.reduce((sum, worker) => sum + worker.logged('shard').length, 0);
    const bytes = await server.query('SELECT pg_database_size(current_database()) AS size');
    const row = [
      done,
      await memoryOf(child.pid!),
      ...(await Promise.all(workers.map(({ child }) => memoryOf(child.pid!)))),
      Number(bytes.rows[0].size) / 2 ** 20,
    ];
    rows.push(row);
    console.log(row.map((value) => value.toFixed(0)).join(' '));
  };
  const timer = setInterval(() => void measure().catch(() => undefined), 10_000);
  const { code, stderr } = await ended;
  clearInterval(timer);
  await Promise.all(workers.map((worker) => worker.kill()));
  expect(code, stderr).toBe(0);
  const early = rows.find(([done]) => done! > SHARDS / 5)!;
  const late = rows.at(-1)!;
  // Batch, workers, and the database's files.
  for (const i of [1, 2, 3, 4]) expect(late[i]! / early[i]!, `column ${i}`).toBeLessThan(1.3);
});
