/** A sweep whose trainings are done by the workers of a queue. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Postgres } from '../batch/postgres.ts';
import { WorkerProcess } from '../batch/scene.ts';
import { buildCli, fovea, messages, startFovea } from '../run.ts';
import { halving } from './scene.ts';

const SWEEP = halving(4, 75, 25);
let folder: string;
let server: Postgres;
const at = (name: string) => path.join(folder, name);
const table = (name: string) => readFile(at(`${name}/trials.csv`), 'utf8');
const model = (name: string) => readFile(at(`${name}/best.safetensors`));

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('a sweep over a queue', () => {
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'fovea-sweep-queue-'));
    await buildCli();
    server = await Postgres.open();
    await writeFile(at('sweep.toml'), SWEEP);
    const { code, stderr } = await fovea('sweep', at('sweep.toml'), '--out', at('alone'));
    expect(code, stderr).toBe(0);
    process.env.FOVEA_QUEUE = server.address();
    process.env.FOVEA_QUEUE_PASSWORD = server.password;
  });
  afterAll(async () => {
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });
  const workers = new Set<WorkerProcess>();
  const begin = (): WorkerProcess => {
    const worker = new WorkerProcess('--lock', '4');
    workers.add(worker);
    return worker;
  };
  afterEach(async () => {
    await Promise.all([...workers].map((worker) => worker.kill()));
    workers.clear();
  });

  const sweep = (out: string, variables = {}, config = 'sweep.toml') =>
    startFovea(['sweep', at(config), '--out', at(out)], variables);
  /** Trainings of which a worker has kept a checkpoint. */
  const kept = async (out: string): Promise<number> => {
    const names = await readdir(at(`${out}/trials`), { recursive: true }).catch(() => []);
    return names.filter((name) => name.endsWith('state.json')).length;
  };

  it('comes to the table and the model of one machine, while workers are killed and stopped, and so is the sweep', async () => {
    const first = sweep('chaos');
    const victim = begin();
    await expect.poll(() => kept('chaos')).toBeGreaterThan(0);
    await victim.kill();
    const stopped = begin();
    await expect.poll(() => stopped.logged('training').length).toBeGreaterThan(0);
    await expect.poll(() => stopped.logged('training begun').length).toBeGreaterThan(1);
    expect((await stopped.drain()).code).toBe(143);
    expect(stopped.logged('ended')).toHaveLength(1);
    first.child.kill('SIGKILL');
    await first.ended;
    const second = sweep('chaos');
    const others = [begin(), begin()];
    const { code, stderr } = await second.ended;
    expect(code, stderr).toBe(0);
    expect(await table('chaos')).toBe(await table('alone'));
    expect((await model('chaos')).equals(await model('alone'))).toBe(true);
    expect(others.flatMap((one) => one.logged('training failed'))).toEqual([]);
    // What workers left is gone, but for the newest of each trial.
    expect(await readdir(at('chaos'))).not.toContain('.fovea-sweep');
    for (const trial of await readdir(at('chaos/trials')))
      expect(await readdir(at(`chaos/trials/${trial}`))).toHaveLength(2);
  });

  it('goes on with what was begun on one machine, and the other way round', async () => {
    const alone = sweep('both', { FOVEA_QUEUE: '' });
    await expect
      .poll(async () => (await readFile(at('both/sweep.json'), 'utf8').catch(() => '')).includes('"epochs"'))
      .toBe(true);
    alone.child.kill('SIGTERM');
    expect((await alone.ended).stderr).toContain('stopped: the same command goes on');
    const over = sweep('both');
    const worker = begin();
    await expect.poll(() => worker.logged('training').length).toBeGreaterThan(1);
    over.child.kill('SIGTERM');
    await over.ended;
    await worker.kill();
    const { code, stderr } = await sweep('both', { FOVEA_QUEUE: '' }).ended;
    expect(code, stderr).toBe(0);
    expect(await table('both')).toBe(await table('alone'));
    expect((await model('both')).equals(await model('alone'))).toBe(true);
  });

  it('is shown, and can be cancelled', async () => {
    await writeFile(at('long.toml'), halving(4, 7500, 2500));
    const { ended } = sweep('cancelled', {}, 'long.toml');
    const worker = begin();
    await expect.poll(() => worker.logged('training begun').length).toBe(1);
    const { work } = JSON.parse((await fovea('status', '--json')).stdout);
    const [own] = work.filter(({ out }: { out: string }) => out === at('cancelled'));
    expect(own).toMatchObject({ kind: 'sweep', done: '0/5', counts: { waiting: 3, active: 1 } });
    expect((await fovea('cancel', at('cancelled'))).stdout).toContain('3 trainings taken out of the queue');
    const { code, stderr } = await ended;
    expect(code).toBe(2);
    expect(messages(stderr).at(-1)).toMatch(
      /the sweep was cancelled \(fovea cancel\); the same command goes on/,
    );
    await expect.poll(() => worker.logged('training cancelled').length).toBe(1);
  });

  it('goes on without a queue after it was cancelled', async () => {
    const first = sweep('recovered');
    const worker = begin();
    await expect.poll(() => kept('recovered')).toBeGreaterThan(0);
    first.child.kill('SIGKILL');
    await first.ended;
    await fovea('cancel', at('recovered'));
    await worker.kill();
    const { code, stderr } = await sweep('recovered', { FOVEA_QUEUE: '' }).ended;
    expect(code, stderr).toBe(0);
    expect(stderr).not.toContain('failed');
    expect(await table('recovered')).toBe(await table('alone'));
    expect((await model('recovered')).equals(await model('alone'))).toBe(true);
  });

  it('takes nothing of another sweep that workers still train there', async () => {
    await writeFile(at('other.toml'), halving(4, 7500, 2500).replace('low = 1e-4', 'low = 2e-4'));
    const first = sweep('replaced', {}, 'other.toml');
    const worker = begin();
    await expect.poll(() => kept('replaced')).toBeGreaterThan(0);
    first.child.kill('SIGKILL');
    await first.ended;
    const refused = await sweep('replaced').ended;
    expect(messages(refused.stderr).at(-1)).toMatch(/has trainings of a sweep of another configuration/);
    const { code, stderr } = await startFovea(['sweep', at('sweep.toml'), '--out', at('replaced'), '--force'])
      .ended;
    expect(code, stderr).toBe(0);
    expect(await table('replaced')).toBe(await table('alone'));
    expect((await model('replaced')).equals(await model('alone'))).toBe(true);
    expect(worker.logged('no sweep').length).toBeGreaterThan(0);
  });

  it('leaves a trial to others where a machine cannot train', async () => {
    const broken = new WorkerProcess({ TMPDIR: at('nowhere') }, '--lock', '4');
    workers.add(broken);
    const { ended } = sweep('rested');
    await expect.poll(() => broken.logged('resting').length).toBe(1);
    begin();
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(0);
    expect(await table('rested')).toBe(await table('alone'));
  });

  it('says why trainings failed, and tries them elsewhere before', async () => {
    await writeFile(
      at('nowhere.toml'),
      SWEEP.replace(/data = .*/, 'data = "nowhere"').replace('trials = 4', 'trials = 1'),
    );
    const worker = begin();
    const { code, stderr } = await fovea('sweep', at('nowhere.toml'), '--out', at('nowhere'));
    expect(code).toBe(2);
    expect(messages(stderr).at(-1)).toMatch(/all trials failed at step 25; the first: nowhere: /);
    expect(worker.logged('training failed')).toHaveLength(3);
  });
});
