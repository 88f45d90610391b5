import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { queueAddress } from '../../../cli/src/queue/address.ts';
import { openBackend } from '../../../cli/src/queue/backend.ts';
import { buildCli, fovea, messages, startFovea } from '../run.ts';
import { freePort, Postgres, Wire } from './postgres.ts';
import { contents, makeDetector, makePictures, WorkerProcess } from './scene.ts';

const PICTURES = 200;
let folder: string;
let server: Postgres;
let wire: Wire;
const at = (name: string) => path.join(folder, name);

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('a batch over a queue', () => {
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'fovea-queue-'));
    await buildCli();
    server = await Postgres.open();
    wire = await Wire.open(server.port);
    await makePictures(at('in'), PICTURES);
    await makeDetector(at('m.safetensors'));
    const { code, stderr } = await fovea(
      'batch',
      'detect',
      at('m.safetensors'),
      at('in'),
      '--out',
      at('alone'),
      '--shard',
      '4',
    );
    expect(code, stderr).toBe(0);
    process.env.FOVEA_QUEUE = server.address(wire.port);
    process.env.FOVEA_QUEUE_PASSWORD = server.password;
  });
  afterAll(async () => {
    wire?.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const workers = new Set<WorkerProcess>();
  const begin = (...args: readonly string[]): WorkerProcess => {
    const worker = new WorkerProcess(...args);
    workers.add(worker);
    return worker;
  };
  afterEach(async () => {
    await Promise.all([...workers].map((worker) => worker.kill()));
    workers.clear();
  });
  const detect = (out: string, ...more: readonly string[]) =>
    startFovea(['batch', 'detect', at('m.safetensors'), at('in'), '--out', at(out), '--shard', '4', ...more]);

  it('gives the same bytes as one process alone, while workers die, the server restarts and the network is cut', async () => {
    const { ended } = detect('chaos', '--shard', '1');
    let isDone = false;
    void ended.then(() => {
      isDone = true;
    });
    const works = (...some: readonly WorkerProcess[]) =>
      expect.poll(() => isDone || some.some((worker) => worker.logged('shard').length > 0)).toBe(true);
    // One after the other: each has begun when it is killed.
    for (let i = 0; i < 3; i++) {
      const victim = begin('--lock', '4');
      await works(victim);
      await victim.kill();
      workers.delete(victim);
    }
    const [one, other] = [begin('--lock', '4'), begin('--lock', '4')];
    await works(one, other);
    await server.stop();
    await server.start();
    wire.cut();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    wire.mend();
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(0);
    expect(await contents(at('chaos'))).toEqual(await contents(at('alone')));
    expect([...one.logged('shard failed'), ...other.logged('shard failed')]).toEqual([]);
  });

  it('finishes what is being computed before a worker ends, and another goes on', async () => {
    const first = begin('--concurrency', '2');
    const { ended } = detect('drained');
    await expect.poll(() => first.logged('shard').length).toBeGreaterThan(0);
    const { code, stdout } = await first.drain();
    expect(code).toBe(143);
    expect(stdout).toContain('"draining"');
    expect(first.logged('ended')).toHaveLength(1);
    const second = begin();
    expect((await ended).code).toBe(0);
    // Not a shard twice, and none that waited for a lock to run out.
    const ids = [first, second].flatMap((worker) => worker.logged('shard').map(({ id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(PICTURES / 4);
    expect(await contents(at('drained'))).toEqual(await contents(at('alone')));
  });

  it('is shown, and can be cancelled and gone on with', async () => {
    const { ended } = detect('cancelled');
    const status = async () => {
      const { work, workers } = JSON.parse((await fovea('status', '--json')).stdout);
      return { workers, batch: work.find(({ out }: { out: string }) => out === at('cancelled')) };
    };
    await expect.poll(async () => (await status()).batch).toBeDefined();
    expect(await status()).toMatchObject({
      workers: 0,
      batch: { done: `0/${PICTURES / 4}`, counts: { waiting: PICTURES / 4, failed: 0 } },
    });
    expect((await fovea('status')).stdout).toMatch(
      /^0 workers, \d+ batch(es)?, 0 sweeps\nwork +id +done +waiting/,
    );
    expect((await fovea('cancel', at('cancelled'))).stdout).toContain(
      `${PICTURES / 4} shards taken out of the queue`,
    );
    const { code, stderr } = await ended;
    expect(code).toBe(2);
    expect(stderr).toContain('was cancelled (fovea cancel); the same command goes on with it');
    expect((await status()).batch).toBeUndefined();
    begin();
    expect((await detect('cancelled').ended).code).toBe(0);
    expect(await contents(at('cancelled'))).toEqual(await contents(at('alone')));
    expect((await fovea('cancel', at('cancelled'))).stderr).toMatch(/has no batch or sweep to cancel/);
  });

  it('has a list of what could not be computed, with the reasons, and does the rest', async () => {
    const worker = begin();
    const { ended } = detect('masks', '--format', 'masks');
    const { code, stderr } = await ended;
    expect(code).toBe(2);
    expect(messages(stderr).at(-1)).toMatch(
      /50 shards could not be computed; the first, \d+: --format masks: .* finds boxes/,
    );
    expect(worker.logged('shard failed').length).toBe(PICTURES / 4);
    const { stdout } = await fovea('status');
    expect(stdout).toMatch(/masks, shard 49: --format masks: /);
    await fovea('cancel', at('masks'));
  });

  it('tells Prometheus what it does', async () => {
    const worker = begin('--metrics', '0');
    await expect.poll(() => worker.logged('waiting').length).toBe(1);
    const [{ metrics: port } = {}] = worker.logged('waiting');
    const read = async (what: string) => (await fetch(`http://127.0.0.1:${port}${what}`)).text();
    const value = async (name: string) =>
      Number(
        (await read('/metrics'))
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.split(' ')[1],
      );
    expect(await read('/healthz')).toBe('ok\n');
    expect(await value('fovea_shards_total{outcome="done"}')).toBe(0);
    expect((await detect('metrics').ended).code).toBe(0);
    expect(await value('fovea_shards_total{outcome="done"}')).toBe(PICTURES / 4);
    expect(await value('fovea_images_total')).toBe(PICTURES);
    expect(await value('fovea_image_faults_total')).toBe(0);
    expect(await value('fovea_shard_seconds_count')).toBe(PICTURES / 4);
    expect(await value('fovea_queue_up')).toBe(1);
    expect(await read('/metrics')).not.toContain('p0001');
    const taken = await fovea('worker', '--metrics', String(port));
    expect(taken.code).toBe(2);
    expect(messages(taken.stderr)).toEqual([
      `fovea: --metrics 127.0.0.1:${port}: another process has this port; choose another one`,
    ]);
  });

  it('leaves the shards of other versions alone, and refuses what is no shard', async () => {
    const address = queueAddress(server.address());
    const backend = await openBackend(address, 'fovea', () => undefined);
    const good = { version: 1, batch: '0'.repeat(16), out: at('none'), shard: 0, inputs: [] };
    const wrong = [
      { ...good, version: 2 },
      { ...good, batch: '../x' },
      'text',
      { ...good, inputs: [{ file: 7 }] },
    ];
    await backend.queue.addBulk(
      wrong.map((data, i) => ({ name: 'shard', data, opts: { jobId: `wrong-${i}` } })),
    );
    const worker = begin();
    await expect.poll(() => worker.logged('shard failed').length).toBe(wrong.length);
    for (const { reason } of worker.logged('shard failed'))
      expect(reason).toMatch(/^shard wrong-\d: .*; it was given by another version of fovea/);
    const { code, stdout } = await fovea('status');
    expect(code).toBe(0);
    expect(stdout).toContain('another version');
    await backend.queue.obliterate({ force: true });
    await backend.close();
  });

  it('says in one line why a queue cannot be used, and never the password', async () => {
    const line = async (queue: string, password = server.password): Promise<string> => {
      const { child: _, ended } = startFovea(['worker', '--queue', queue], {
        FOVEA_QUEUE_PASSWORD: password,
      });
      const { code, stderr, stdout } = await ended;
      expect(code, stderr).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).not.toContain(password);
      expect(stderr).not.toContain(encodeURIComponent(password));
      expect(messages(stderr)).toHaveLength(1);
      return messages(stderr)[0]!;
    };
    expect(await line(server.address(), 'guessed')).toMatch(/: wrong user or password; check them/);
    expect(await line(server.address().replace(/postgres$/, 'nothing'))).toMatch(
      /: there is no such database/,
    );
    expect(await line(`postgres://fovea@127.0.0.1:${await freePort()}/x`)).toMatch(
      /: connection refused; check/,
    );
    expect(await line(`redis://127.0.0.1:${await freePort()}`)).toMatch(/: connection refused; check/);
    const withPassword = server.address().replace('@', `:${encodeURIComponent('in the address')}@`);
    expect(await line(withPassword, 'other')).not.toContain('in%20the');
    const { code, stderr } = await fovea('worker', '--queue', 'amqp://me:in%20the@127.0.0.1');
    expect(code).toBe(2);
    expect(stderr).toContain('give an address such as redis://HOST:6379');
    expect(stderr).not.toContain('in%20the');
    // A server that lets everybody in, and says nothing.
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    for (const kind of ['redis', 'postgres'])
      expect(await line(`${kind}://127.0.0.1:${port}/x`)).toMatch(/: no answer; check the address/);
    silent.close();
  });
});
