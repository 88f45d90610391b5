/** The same on Redis, where it is installed (Debian: redis-server). */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildCli, fovea, messages, startFovea } from '../run.ts';
import { freePort } from './postgres.ts';
import { contents, makePictures, WorkerProcess } from './scene.ts';

const PASSWORD = 's3cret';

function hasRedis(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

let folder: string;
let port: number;
let server: ChildProcess;
const at = (name: string) => path.join(folder, name);

/** Starts the server, which keeps what it has on disk. */
async function start(): Promise<void> {
  const settings = {
    port,
    bind: '127.0.0.1',
    dir: folder,
    appendonly: 'yes',
    save: '',
    requirepass: PASSWORD,
  };
  server = spawn(
    'redis-server',
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let said = '';
  await new Promise<void>((resolve, reject) => {
    server.on('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${said}`)));
    server.stdout!.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Ready to accept connections')) resolve();
    });
  });
}
async function stop(): Promise<void> {
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  await ended;
}

describe.runIf(hasRedis())('a batch over Redis', () => {
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'fovea-redis-'));
    await buildCli();
    port = await freePort();
    await start();
    process.once('exit', () => server.kill('SIGKILL'));
    await makePictures(at('in'), 80, 32);
    const { code, stderr } = await fovea('batch', 'hash', at('in'), '--out', at('alone'), '--shard', '1');
    expect(code, stderr).toBe(0);
    process.env.FOVEA_QUEUE = `redis://127.0.0.1:${port}`;
    process.env.FOVEA_QUEUE_PASSWORD = PASSWORD;
  });
  afterAll(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('gives the same bytes as one process alone, while a worker dies and the server restarts', async () => {
    const { ended } = startFovea(['batch', 'hash', at('in'), '--out', at('chaos'), '--shard', '1']);
    const victim = new WorkerProcess('--lock', '4');
    await expect.poll(() => victim.logged('shard').length).toBeGreaterThan(0);
    await victim.kill();
    await stop();
    await start();
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
