/** By hand, as it takes minutes (vitest run --project=by-hand test/cli/batch): thousands of pictures, while everything fails that can. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildCli, fovea, startFovea } from '../run.ts';
import { Postgres, Wire } from './postgres.ts';
import { contents, makeDetector, makePictures, WorkerProcess } from './scene.ts';

const PICTURES = 2000;
const SHARD = 4;
const WORKERS = 3;
const KILLS = 10;
const CUT_SECONDS = 10;

let folder: string;
let server: Postgres;
let wire: Wire;
const at = (name: string) => path.join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-chaos-'));
  await buildCli();
  server = await Postgres.open();
  wire = await Wire.open(server.port);
  await makePictures(at('in'), PICTURES);
  await makeDetector(at('m.safetensors'));
  // A picture that no decoder takes.
  await writeFile(at('in/p1000.png'), 'no picture');
});
afterAll(async () => {
  wire?.close();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

it('gives each picture once, with the bytes of one process alone', async () => {
  const args = ['batch', 'detect', at('m.safetensors'), at('in'), '--shard', String(SHARD)];
  const began = performance.now();
  const say = (text: string) => console.log(`${((performance.now() - began) / 1000).toFixed(1)} s: ${text}`);
  const alone = await fovea(...args, '--out', at('alone'));
  expect(alone.code, alone.stderr).toBe(2);
  say('alone done');
  process.env.FOVEA_QUEUE = server.address(wire.port);
  process.env.FOVEA_QUEUE_PASSWORD = server.password;
  const workers = Array.from({ length: WORKERS }, () => new WorkerProcess());
  const { child, ended } = startFovea([...args, '--out', at('chaos')]);
  let done = false;
  child.stderr!.on('data', (chunk: Buffer) => say(chunk.toString().trim()));
  void ended.then(() => {
    done = true;
  });
  const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const shards = () => workers.reduce((sum, worker) => sum + worker.logged('shard').length, 0);
  await expect.poll(shards).toBeGreaterThan(3);
  let killed = 0;
  for (; killed < KILLS && !done; killed++) {
    await sleep(2 + 2 * Math.random());
    const which = Math.floor(Math.random() * WORKERS);
    say(`kill ${which}, which did ${workers[which]!.logged('shard').length}`);
    await workers[which]!.kill();
    workers[which] = new WorkerProcess();
    if (killed === 3) {
      say('restart');
      await server.stop();
      await server.start();
    }
    if (killed === 6) {
      say('cut');
      wire.cut();
      await sleep(CUT_SECONDS);
      wire.mend();
      say('mended');
    }
  }
  say(`${killed} killed`);
  const chaos = await ended;
  say('done');
  for (const worker of workers) say(JSON.stringify(worker.logged('shard failed').slice(0, 3)));
  await Promise.all(workers.map((worker) => worker.kill()));
  expect(chaos.code, chaos.stderr).toBe(2);
  expect(killed).toBe(KILLS);
  const [one, other] = await Promise.all([contents(at('alone')), contents(at('chaos'))]);
  const isResult = (name: string) => !name.startsWith('.fovea-batch');
  expect(Object.keys(other).filter(isResult)).toEqual(Object.keys(one).filter(isResult));
  expect(Object.keys(other).filter((name) => /^p\d+\.json$/.test(name))).toHaveLength(PICTURES - 1);
  for (const name of Object.keys(one).filter(isResult)) expect(other[name], name).toBe(one[name]);
  expect(await readFile(at('chaos/failed.jsonl'), 'utf8')).toMatch(/p1000\.png: /);
});
