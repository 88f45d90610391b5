/** Queues by encrypted connections. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildCli, type Ended, fovea, messages, startFovea } from '../run.ts';
import { type Certificate, makeCertificate } from './certificate.ts';
import { Postgres } from './postgres.ts';
import { hasRedis, RedisServer } from './redisServer.ts';
import { contents, makePictures } from './scene.ts';

let folder: string;
let certificate: Certificate;
const at = (name: string) => path.join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-tls-'));
  await buildCli();
  certificate = await makeCertificate();
  await writeFile(at('authority.crt'), certificate.cert);
  await makePictures(at('in'), 6, 32);
  expect((await fovea('batch', 'hash', at('in'), '--out', at('alone'))).code).toBe(0);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** With the authority of the servers here, unless there is another one. */
const start = (queue: string, password: string, args: readonly string[], authority = at('authority.crt')) =>
  startFovea([...args, '--queue', queue], {
    FOVEA_QUEUE_PASSWORD: password,
    NODE_EXTRA_CA_CERTS: authority,
  });

async function worksOver(queue: string, password: string, out: string): Promise<void> {
  const worker = start(queue, password, ['worker']);
  const batch = start(queue, password, ['batch', 'hash', at('in'), '--out', at(out), '--shard', '2']);
  const { code, stderr } = await batch.ended;
  worker.child.kill('SIGTERM');
  const { stdout } = await worker.ended;
  expect(code, stderr).toBe(0);
  expect(stdout.match(/"event":"shard"/g)).toHaveLength(3);
  expect(await contents(at(out))).toEqual(await contents(at('alone')));
}

/** The one line that a command says which cannot use its queue. */
async function line(ended: Promise<Ended>): Promise<string> {
  const { code, stderr, stdout } = await ended;
  expect(code, stderr).toBe(2);
  expect(stdout).toBe('');
  expect(messages(stderr)).toHaveLength(1);
  return messages(stderr)[0]!;
}

const UNKNOWN = /certificate.*NODE_EXTRA_CA_CERTS/;

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('PostgreSQL', () => {
  let server: Postgres;
  const address = (host = 'localhost') => `${server.address(server.port, host)}?sslmode=verify-full`;
  beforeAll(async () => {
    server = await Postgres.open(certificate);
  });
  afterAll(() => server?.close());

  it('is used by an encrypted connection', async () => {
    await worksOver(address(), server.password, 'postgres');
  });

  it('is not used where the certificate is not known, or of another host, or where there is none', async () => {
    expect(await line(start(address(), server.password, ['status'], '').ended)).toMatch(UNKNOWN);
    const other = await makeCertificate('other.example');
    const away = await Postgres.open(other);
    await writeFile(at('other.crt'), other.cert);
    const elsewhere = `${away.address(away.port, 'localhost')}?sslmode=verify-full`;
    expect(await line(start(elsewhere, away.password, ['status'], at('other.crt')).ended)).toMatch(
      /the certificate is of another host/,
    );
    await away.close();
    const plain = await Postgres.open();
    const open = `${plain.address(plain.port, 'localhost')}?sslmode=verify-full`;
    expect(await line(start(open, plain.password, ['status']).ended)).toMatch(/does not support SSL/);
    await plain.close();
  });
});

describe.runIf(hasRedis())('Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    await mkdir(at('redis'));
    server = await RedisServer.open(at('redis'), certificate);
  });
  afterAll(() => server?.stop());

  it('is used by an encrypted connection', async () => {
    await worksOver(server.address, server.password, 'redised');
  });

  it('is not used where the certificate is not known, nor without encryption', async () => {
    expect(await line(start(server.address, server.password, ['status'], '').ended)).toMatch(UNKNOWN);
    const plain = server.address.replace('rediss', 'redis');
    expect(await line(start(plain, server.password, ['status']).ended)).toMatch(/rediss:/);
  });
});
