/** A sweep whose trainings are kept in an object store. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { S3Server } from '../batch/s3Server.ts';
import { buildCli, fovea, startFovea } from '../run.ts';
import { TRAIN } from './scene.ts';

const credentials = { accessKeyId: 'AKIDOFTESTS', secretAccessKey: 'secret/of+tests=' };
let folder: string;
let store: S3Server;
const at = (name: string) => path.join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-sweep-s3-'));
  await buildCli();
  store = await S3Server.open({ credentials, region: 'us-east-1', buckets: ['lab'], page: 5 });
});
afterAll(async () => {
  store?.close();
  await rm(folder, { recursive: true, force: true });
});

it('comes to the files of a folder, where it is killed and goes on', async () => {
  const config = at('sweep.toml');
  await writeFile(config, `${TRAIN}steps = 60\n[space]\nwidth = [4, 8]\n[search]\nkind = "grid"\n`);
  const alone = await fovea('sweep', config, '--out', at('folder'));
  expect(alone.code, alone.stderr).toBe(0);
  const variables = {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_ENDPOINT_URL: store.endpoint,
  };
  const sweep = () => startFovea(['sweep', config, '--out', 's3://lab/sweep'], variables);
  const objects = store.buckets.get('lab')!;
  const stop = async (signal: NodeJS.Signals, key: RegExp) => {
    const { child, ended } = sweep();
    store.trouble = (request) => {
      if (request.method === 'PUT' && key.test(request.key)) child.kill(signal);
      return undefined;
    };
    await ended;
    store.trouble = () => undefined;
  };
  await stop('SIGKILL', /trials\/001\/state\.json$/);
  expect([...objects.keys()]).toContain('sweep/trials/001/state.json');
  await stop('SIGTERM', /trials\/002\/state\.json$/);
  const { code, stderr, stdout } = await sweep().ended;
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('s3://lab/sweep: 2 trials; the best is');
  for (const name of ['trials.csv', 'best.toml', 'best.safetensors'])
    expect(objects.get(`sweep/${name}`)!.bytes.equals(await readFile(at(`folder/${name}`))), name).toBe(true);
  const left = [...objects.keys()].filter((key) => /\.lock$|\.fovea-sweep/.test(key));
  expect(left).toEqual([]);
});
