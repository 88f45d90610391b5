/** By hand, as it takes minutes (vitest run --project=by-hand test/cli/sweep): twelve trainings, here and over a queue, while everything fails that can. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Postgres, Wire } from '../batch/postgres.ts';
import { WorkerProcess } from '../batch/scene.ts';
import { buildCli, fovea, startFovea } from '../run.ts';
import { halving } from './scene.ts';

const KILLS = 6;
const CUT_SECONDS = 10;

let folder: string;
let server: Postgres;
let wire: Wire;
const at = (name: string) => path.join(folder, name);
const began = performance.now();
const say = (text: string) => console.log(`${((performance.now() - began) / 1000).toFixed(1)} s: ${text}`);
const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

async function expectSame(one: string, other: string): Promise<void> {
  for (const name of ['trials.csv', 'best.toml', 'best.safetensors'])
    expect((await readFile(at(`${other}/${name}`))).equals(await readFile(at(`${one}/${name}`))), name).toBe(
      true,
    );
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-sweep-chaos-'));
  await buildCli();
  server = await Postgres.open();
  wire = await Wire.open(server.port);
  await writeFile(at('sweep.toml'), halving(12, 225));
  const { code, stderr, stdout } = await fovea('sweep', at('sweep.toml'), '--out', at('alone'));
  expect(code, stderr).toBe(0);
  say(`alone done\n${stdout}`);
});
afterAll(async () => {
  wire?.close();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

it('comes to the same where it is killed on one machine', async () => {
  const sweep = () => startFovea(['sweep', at('sweep.toml'), '--out', at('killed')]);
  for (let i = 0; i < 4; i++) {
    const { child, ended } = sweep();
    await sleep(4 + 6 * Math.random());
    child.kill('SIGKILL');
    await ended;
  }
  const { code, stderr } = await sweep().ended;
  expect(code, stderr).toBe(0);
  await expectSame('alone', 'killed');
});

it('comes to the same over a queue, while workers are killed, its server restarts and the network is cut', async () => {
  process.env.FOVEA_QUEUE = server.address(wire.port);
  process.env.FOVEA_QUEUE_PASSWORD = server.password;
  const begin = () => new WorkerProcess('--lock', '10');
  const workers = [begin(), begin(), begin()];
  const sweep = () => startFovea(['sweep', at('sweep.toml'), '--out', at('queue')]);
  let { child, ended } = sweep();
  for (let killed = 0; killed < KILLS; killed++) {
    await sleep(3 + 4 * Math.random());
    const which = Math.floor(Math.random() * workers.length);
    say(`kill ${which}, which did ${workers[which]!.logged('training').length}`);
    await workers[which]!.kill();
    workers[which] = begin();
    if (killed === 1) {
      say('restart');
      await server.stop();
      await server.start();
    }
    if (killed === 2) {
      say('cut');
      wire.cut();
      await sleep(CUT_SECONDS);
      wire.mend();
    }
    if (killed === 4) {
      say('kill the sweep');
      child.kill('SIGKILL');
      await ended;
      ({ child, ended } = sweep());
    }
  }
  const { code, stderr } = await ended;
  const failed = workers.flatMap((worker) => worker.logged('training failed'));
  say(`done; ${JSON.stringify(failed)}`);
  await Promise.all(workers.map((worker) => worker.kill()));
  expect(code, stderr).toBe(0);
  await expectSame('alone', 'queue');
});

it('has the model of a training by hand', async () => {
  const { code, stderr } = await fovea(
    'train',
    '--config',
    at('alone/best.toml'),
    '--out',
    at('hand.safetensors'),
  );
  expect(code, stderr).toBe(0);
  const best = await readFile(at('alone/best.safetensors'));
  expect((await readFile(at('hand.safetensors'))).equals(best)).toBe(true);
});
