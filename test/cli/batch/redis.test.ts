/** The same on Redis, where it is installed (Debian: redis-server). */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildCli, fovea, messages, startFovea } from '../run.ts';
import { hasRedis, RedisServer } from './redisServer.ts';
import { contents, makePictures, WorkerProcess } from './scene.ts';

let folder: string;
let server: RedisServer;
const at = (name: string) => path.join(folder, name);

describe.runIf(hasRedis())('a batch over Redis', () => {
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'fovea-redis-'));
    await buildCli();
    server = await RedisServer.open(folder);
    await makePictures(at('in'), 80, 32);
    const { code, stderr } = await fovea('batch', 'hash', at('in'), '--out', at('alone'), '--shard', '1');
    expect(code, stderr).toBe(0);
    process.env.FOVEA_QUEUE = server.address;
    process.env.FOVEA_QUEUE_PASSWORD = server.password;
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('gives the same bytes as one process alone, while a worker dies and the server restarts', async () => {
    const { ended } = startFovea(['batch', 'hash', at('in'), '--out', at('chaos'), '--shard', '1']);
    const victim = new WorkerProcess('--lock', '4');
    await expect.poll(() => victim.logged('shard').length).toBeGreaterThan(0);
    await victim.kill();
    await server.stop();
    await server.start();
    const workers = [new WorkerProcess('--lock', '4'), new WorkerProcess('--lock', '4')];
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(0);
    expect(await contents(at('chaos'))).toEqual(await contents(at('alone')));
    expect((await fovea('status')).stdout).toMatch(/^2 workers, /);
    for (const worker of workers) expect((await worker.drain()).code).toBe(143);
  });

  it('says so where the password is wrong or missing', async () => {
    const line = async (password: string): Promise<string> => {
      const { code, stderr } = await startFovea(['status'], { FOVEA_QUEUE_PASSWORD: password }).ended;
      expect(code).toBe(2);
      expect(messages(stderr)).toHaveLength(1);
      return messages(stderr)[0]!;
    };
    expect(await line('guessed')).toMatch(/: wrong user or password; check them/);
    expect(await line('')).toMatch(/: the server asks for a password; give it/);
  });
});
