import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildCli, fovea, messages, startFovea } from '../run.ts';
import { COINS, halving, TRAIN } from './scene.ts';

let folder: string;
const at = (name: string) => path.join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-sweep-'));
  await buildCli();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const sweep = async (name: string, text: string): Promise<string> => {
  const file = at(`${name}.toml`);
  await writeFile(file, text);
  return file;
};
const good = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await fovea(...args);
  expect(code, stderr).toBe(0);
  return stdout;
};

it('comes to the same table and model where it is killed and stopped, and to the model of a training by hand', async () => {
  const config = await sweep('halving', halving(4, 75, 25));
  const said = await good('sweep', config, '--out', at('whole'));
  const table = await readFile(at('whole/trials.csv'), 'utf8');
  expect(said).toMatch(/^trial +lr +width +steps +val_ap +state\n/);
  expect(table.split('\n').map((line) => line.split(',').at(-2))).toEqual([
    'state',
    'trained',
    'stopped',
    'stopped',
    'stopped',
    undefined,
  ]);

  const begin = () => startFovea(['sweep', config, '--out', at('killed')]);
  const models = () =>
    readdir(at('killed/trials')).then(
      ({ length }) => length,
      () => 0,
    );
  const first = begin();
  await expect.poll(models).toBeGreaterThan(1);
  first.child.kill('SIGKILL');
  await first.ended;
  const second = begin();
  await expect.poll(models).toBeGreaterThan(2);
  second.child.kill('SIGTERM');
  const { signal, stderr } = await second.ended;
  expect(signal).toBe('SIGTERM');
  expect(stderr).toContain('stopped: the same command goes on');
  await good('sweep', config, '--out', at('killed'));
  expect(await readFile(at('killed/trials.csv'), 'utf8')).toBe(table);
  const best = await readFile(at('whole/best.safetensors'));
  expect((await readFile(at('killed/best.safetensors'))).equals(best)).toBe(true);

  await good('train', '--config', at('whole/best.toml'), '--out', at('by-hand.safetensors'));
  expect((await readFile(at('by-hand.safetensors'))).equals(best)).toBe(true);
  expect(await readFile(at('whole/report.html'), 'utf8')).toContain('The best first');

  // Another configuration is refused there, but for the number of trials.
  const text = await readFile(config, 'utf8');
  const other = await sweep('other', text.replace('[4, 8]', '[8, 4]'));
  const refused = await fovea('sweep', other, '--out', at('whole'));
  expect(refused.code).toBe(2);
  expect(messages(refused.stderr).at(-1)).toMatch(/has trainings of a sweep of another configuration/);
  const fewer = await sweep('fewer', text.replace('trials = 4', 'trials = 2'));
  const again = await fovea('sweep', fewer, '--out', at('whole'));
  expect(again.code, again.stderr).toBe(0);
  expect(again.stderr).toMatch(/[23] trainings were done before/);
});

it('judges each setting in folds, and goes on after a trial that fails', async () => {
  for (const name of ['a', 'b', 'c', 'd']) {
    const label = JSON.parse(await readFile(path.join(COINS, 'coins.json'), 'utf8'));
    const image = await readFile(path.join(COINS, 'coins.png'));
    await writeFile(at(`${name}.png`), image);
    await writeFile(
      at(`${name}.json`),
      JSON.stringify({ ...label, imagePath: `${name}.png`, imageData: null }),
    );
  }
  const train = TRAIN.replace(/^val = .*\n/m, '').replace(/^data = .*$/m, `data = ${JSON.stringify(folder)}`);
  const config = await sweep(
    'folds',
    `${train}steps = 30\n[space]\nlr = [0.003, 1e30]\nwidth = [4]\n[search]\nkind = "grid"\nmetric = "ap50"\nfolds = 2\n`,
  );
  const said = await good('sweep', config, '--out', at('folded'));
  const [header, one, other] = said.split('\n');
  expect(header).toMatch(/^trial +lr +width +steps +val_ap50 +state/);
  expect(one).toMatch(/^1 +0\.003 +4 +30 +0\.\d+ +trained$/);
  expect(other).toMatch(/^2 +1e\+30 +4 +30 +failed$/);
  const csv = await readFile(at('folded/trials.csv'), 'utf8');
  const { runs } = JSON.parse(await readFile(at('folded/sweep.json'), 'utf8'));
  const folds = runs.filter(({ trial }: { trial: number }) => trial === 1);
  const best = folds.map(({ epochs }: { epochs: number[] }) => Math.max(...epochs));
  expect(Number(csv.split('\n')[1]!.split(',')[4])).toBeCloseTo((best[0] + best[1]) / 2, 12);
  expect(await readFile(at('folded/report.html'), 'utf8')).toMatch(/Trial 2 failed: step \d+: .* is NaN/);
  expect(await readdir(at('folded/trials/001'))).toEqual(['fold-1', 'fold-2']);
  expect(await readFile(at('folded/best.toml'), 'utf8')).not.toContain('val');
  expect(await readdir(at('folded'))).not.toContain('best.safetensors');
});
