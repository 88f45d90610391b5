import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { imageInputs } from '../../../cli/src/imageInputs.ts';
import { foveaHere } from '../here.ts';
import { buildCli, type Ended, fovea, messages, startFovea } from '../run.ts';
import { freePort, Postgres } from './postgres.ts';
import { S3Server } from './s3Server.ts';
import { contents, makeDetector, makePictures, WorkerProcess } from './scene.ts';

const PICTURES = 12;
const credentials = {
  accessKeyId: 'AKIDOFTESTS',
  // With what must be escaped in a header and in a URL.
  secretAccessKey: 'secret/of+tests=',
  sessionToken: 'token/of+tests==',
};
const SECRETS = [credentials.secretAccessKey, credentials.sessionToken];
const REGION = 'eu-test-1';

const HAS_POSTGRES = process.platform === 'linux' && process.arch === 'x64';

let folder: string;
let server: Postgres | undefined;
let store: S3Server;
const at = (name: string) => path.join(folder, name);
const said: Ended[] = [];

/** Runs a command, and keeps what it said. */
async function run(...args: readonly string[]): Promise<Ended> {
  const ended = await fovea('batch', ...args);
  said.push(ended);
  return ended;
}

/** Begins a command; `until` ends it by a signal as soon as a request is made. */
async function runUntil(
  signal: NodeJS.Signals,
  method: string,
  key: RegExp,
  args: readonly string[],
): Promise<Ended> {
  const { child, ended } = startFovea(['batch', ...args]);
  store.trouble = (request) => {
    if (request.method === method && key.test(request.key)) child.kill(signal);
    return undefined;
  };
  said.push(await ended);
  store.trouble = () => undefined;
  return ended;
}

const keys = (prefix: string): string[] =>
  [...store.buckets.get('lab')!.keys()].filter((key) => key.startsWith(prefix)).sort();
const text = (key: string): string => store.buckets.get('lab')!.get(key)!.bytes.toString();

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-s3-'));
  await buildCli();
  if (HAS_POSTGRES) server = await Postgres.open();
  await mkdir(at('tmp'));
  await makePictures(at('in'), PICTURES);
  await makeDetector(at('m.safetensors'));
  // Pages that are smaller than any list here.
  store = await S3Server.open({ credentials, region: REGION, buckets: ['lab'], page: 5 });
  for (const name of await readdir(at('in')))
    store.put('lab', `in/${name}`, await readFile(at(`in/${name}`)));
});
afterAll(async () => {
  store?.close();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey);
  vi.stubEnv('AWS_SESSION_TOKEN', credentials.sessionToken);
  vi.stubEnv('AWS_REGION', REGION);
  vi.stubEnv('AWS_ENDPOINT_URL', store.endpoint);
  vi.stubEnv('TMPDIR', at('tmp'));
});
afterEach(async () => {
  store.trouble = () => undefined;
  store.readOnly = false;
  expect(await readdir(at('tmp'))).toEqual([]);
  const texts = said.splice(0).map(({ stdout, stderr }) => stdout + stderr);
  const stored = [...store.buckets.get('lab')!.values()].map(({ bytes }) => bytes.toString('latin1'));
  for (const secret of SECRETS) {
    expect([...texts, ...stored].filter((one) => one.includes(secret))).toEqual([]);
  }
});

it('writes the bytes to a store that it writes to a folder, also of images of a store', async () => {
  const detect = ['detect', at('m.safetensors'), '--draw', '--shard', '5'];
  const here = await run(...detect, at('in'), '--out', at('here'));
  const there = await run(...detect, 's3://lab/in', '--out', 's3://lab/out/');
  expect(here.code, here.stderr).toBe(0);
  expect(there.code, there.stderr).toBe(0);
  expect(store.contents('lab', 'out')).toEqual(await contents(at('here')));
  expect(keys('out/')).toHaveLength(2 * PICTURES);
  // Each image was read once.
  expect(
    store.asked.filter(({ method, key }) => method === 'GET' && /^in\/./.test(key) && key !== 'in/'),
  ).toHaveLength(PICTURES);
});

it('cuts out and embeds images of a store', async () => {
  const network = path.join(import.meta.dirname, '../../fixtures/matting/rembg.onnx');
  const cutout = ['cutout', '--model', network, '--shard', '5'];
  const embed = ['embed', '--model', at('m.safetensors'), '--format', 'index', '--shard', '5'];
  for (const [name, args] of Object.entries({ cutout, embed })) {
    const here = await run(...args, at('in'), '--out', at(name));
    const there = await run(...args, 's3://lab/in', '--out', `s3://lab/${name}`);
    expect(here.code, here.stderr).toBe(0);
    expect(there.code, there.stderr).toBe(0);
    if (name === 'embed')
      expect(there.stdout).toContain(`s3://lab/embed/embeddings.index: ${PICTURES} vectors`);
  }
  expect(store.contents('lab', 'cutout')).toEqual(await contents(at('cutout')));
  expect(keys('embed/')).toEqual(['embed/embeddings.index']);
  // An index is no file to write over.
  const again = await run(...embed, 's3://lab/in', '--out', 's3://lab/embed');
  expect(again.code).toBe(2);
  expect(again.stderr).toContain('s3://lab/embed: has embeddings.index already; choose another --out');
});

it('goes on after a kill, while the store is busy now and then', async () => {
  const hash = ['hash', 's3://lab/in', '--shard', '2', '--out'];
  const whole = await run(...hash, 's3://lab/whole');
  expect(whole.code, whole.stderr).toBe(0);
  await runUntil('SIGKILL', 'PUT', /^resumed\/\.fovea-batch\/shards\/000003/, [...hash, 's3://lab/resumed']);
  expect(keys('resumed/.fovea-batch/shards/').length).toBeGreaterThanOrEqual(3);
  expect(keys('resumed/hashes')).toEqual([]);
  store.asked.length = 0;
  let count = 0;
  store.trouble = () => (++count % 7 === 0 ? '503' : count % 11 === 0 ? 'cut' : undefined);
  const resumed = await run(...hash, 's3://lab/resumed');
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(store.asked.filter(({ status }) => status === 503).length).toBeGreaterThan(2);
  expect(store.asked.filter(({ method, key }) => method === 'GET' && key === 'in/p0000.png')).toEqual([]);
  expect(store.contents('lab', 'resumed')).toEqual(store.contents('lab', 'whole'));
});

it('lets others write there where a signal ends it, and where the process with the lock is gone', async () => {
  const args = ['hash', 's3://lab/in', '--shard', '2', '--out', 's3://lab/locked'];
  const stopped = await runUntil('SIGTERM', 'PUT', /^locked\/\.fovea-batch\/shards\/000001/, args);
  expect(stopped.signal).toBe('SIGTERM');
  expect(keys('locked/batch.lock')).toEqual([]);
  const lock = JSON.stringify({ pid: 1, start: '1', host: 'elsewhere', id: '1' });
  store.put('lab', 'locked/batch.lock', Buffer.from(lock));
  const refused = await run(...args);
  expect(refused.code).toBe(2);
  expect(messages(refused.stderr)).toEqual([
    expect.stringMatching(
      /^fovea: s3:\/\/lab\/locked\/batch\.lock: another batch writes there \(process 1 on elsewhere\); wait for it/,
    ),
  ]);
  expect(text('locked/batch.lock')).toBe(lock);
  store.buckets.get('lab')!.get('locked/batch.lock')!.modified = new Date(Date.now() - 3_600_000);
  const ended = await run(...args);
  expect(ended.code, ended.stderr).toBe(0);
  expect(keys('locked/')).toEqual(['locked/hashes.csv', 'locked/hashes.json']);
});

it('takes the images below a prefix by their keys, or one by its key', async () => {
  for (const key of [
    'b.png',
    'a+b c.png',
    'sub/ü&<.png',
    '.hidden/x.png',
    'notes.txt',
    'out/drawn.png',
    'scan',
  ]) {
    store.put('lab', `odd/${key}`, await readFile(at('in/p0000.png')));
  }
  const files = async (...given: string[]) =>
    (await imageInputs(given, { out: 's3://lab/odd/out', stored: true })).map(({ file, name }) => [
      file,
      name,
    ]);
  expect(await files('s3://lab/odd')).toEqual([
    ['s3://lab/odd/a+b c.png', 'a+b c'],
    ['s3://lab/odd/b.png', 'b'],
    ['s3://lab/odd/sub/ü&<.png', 'sub/ü&<'],
  ]);
  expect(
    await files('s3://lab/odd/b.png', 's3://lab/odd/scan', 's3://lab/in/p0001.png', at('in/p0002.png')),
  ).toEqual([
    ['s3://lab/odd/b.png', 'lab/odd/b'],
    ['s3://lab/odd/scan', 'lab/odd/scan'],
    ['s3://lab/in/p0001.png', 'lab/in/p0001'],
    [at('in/p0002.png'), at('in/p0002').slice(1)],
  ]);
  const { code, stderr } = await run(
    'hash',
    's3://lab/odd/',
    's3://lab/odd/none.png',
    '--out',
    's3://lab/odd/out',
  );
  expect(code).toBe(2);
  expect(stderr).toContain('s3://lab/odd/none.png: there is no such object');
  expect(text('odd/out/failed.jsonl').split('\n')).toHaveLength(2);
  const hashed: { readonly file: string }[] = JSON.parse(text('odd/out/hashes.json'));
  expect(hashed.map(({ file }) => file)).toEqual([
    's3://lab/odd/a+b c.png',
    's3://lab/odd/b.png',
    's3://lab/odd/sub/ü&<.png',
  ]);
  store.put('lab', 'odd/none.png', await readFile(at('in/p0000.png')));
  const again = await fovea('retry', 's3://lab/odd/out');
  expect(again.code, again.stderr).toBe(0);
  expect(keys('odd/out/')).toEqual(['odd/out/drawn.png', 'odd/out/hashes.csv', 'odd/out/hashes.json']);
});

describe('what cannot work is one line and exit code 2, and writes nothing:', () => {
  const HASH = ['hash', 's3://lab/in', '--out', 's3://lab/bad'];
  const cases: Record<
    string,
    { args?: readonly string[]; env?: Readonly<Record<string, string>>; before?: () => unknown; says: RegExp }
  > = {
    'no credentials': {
      env: { AWS_ACCESS_KEY_ID: '' },
      says: /^fovea: s3:\/\/lab: there are no credentials \(AWS_ACCESS_KEY_ID is not set\); set /,
    },
    'an unknown user': {
      env: { AWS_ACCESS_KEY_ID: 'NOBODY' },
      says: /does not take the credentials \(403 InvalidAccessKeyId\); check AWS_ACCESS_KEY_ID/,
    },
    'a wrong secret': {
      env: { AWS_SECRET_ACCESS_KEY: 'guessed' },
      says: /^fovea: s3:\/\/lab: http:\S+ does not take the credentials \(403 SignatureDoesNotMatch\); check /,
    },
    'a wrong secret, of the results alone': {
      args: ['hash', 'IN', '--out', 's3://lab/bad'],
      env: { AWS_SECRET_ACCESS_KEY: 'guessed' },
      says: /^fovea: s3:\/\/lab\/bad\/batch\.lock: http:\S+ does not take the credentials/,
    },
    'a token that has expired': {
      env: { AWS_SESSION_TOKEN: 'old' },
      says: /does not take the credentials \(400 InvalidToken\); .*AWS_SESSION_TOKEN/,
    },
    'a bucket of images that is not there': {
      args: ['hash', 's3://lost/in', '--out', 's3://lab/bad'],
      says: /^fovea: s3:\/\/lost: there is no bucket lost at http:\S+ \(404 NoSuchBucket\); make it, or /,
    },
    'a bucket of results that is not there': {
      args: ['hash', 'IN', '--out', 's3://lost/bad'],
      says: /there is no bucket lost at /,
    },
    'an endpoint that does not answer': {
      env: { AWS_ENDPOINT_URL_S3: 'NOBODY' },
      says: /^fovea: s3:\/\/lab: http:\S+ does not answer \(connection refused\); check AWS_ENDPOINT_URL/,
    },
    'an endpoint with a password': {
      env: { AWS_ENDPOINT_URL_S3: 'http://user:token%2Fof@127.0.0.1' },
      says: /^fovea: AWS_ENDPOINT_URL: is no address that can be used; give one such as .*without a user or a password$/,
    },
    'another region': {
      env: { AWS_REGION: 'eu-other-1' },
      says: /the bucket is in another region \(400 AuthorizationHeaderMalformed\); set AWS_REGION/,
    },
    'a store that is read-only': {
      before: () => (store.readOnly = true),
      says: /^fovea: s3:\/\/lab\/bad\/batch\.lock: cannot be written, it is read-only for these credentials \(403 AccessDenied\); allow /,
    },
    'a prefix without images': {
      args: ['hash', 's3://lab/i', '--out', 's3://lab/bad'],
      says: /^fovea: s3:\/\/lab\/i: there is no image below it; check the address$/,
    },
    'results among the images': {
      args: ['hash', 's3://lab/in', '--out', 's3://lab/in'],
      says: /^fovea: s3:\/\/lab\/in\/p\d+\.png is in the folder of --out, /,
    },
    'an address of another kind': {
      args: ['hash', 'IN', '--out', 'gs://lab/bad'],
      says: /^fovea: gs:\/\/…: images and results are .* of the kind gs:\/\/; give a path, or s3:\/\/BUCKET/,
    },
    'a password in the address': {
      args: ['hash', 'IN', '--out', 's3://me:secret%2Fof@lab/bad'],
      says: /^fovea: s3:\/\/…: has no name of a bucket; give s3:\/\/BUCKET\/PREFIX, with the credentials in /,
    },
    'a key that leads elsewhere': {
      args: ['hash', 'IN', '--out', 's3://lab/bad/../in'],
      says: /^fovea: s3:\/\/lab\/bad\/\.\.\/in: has a part that is empty, "\." or "\.\."/,
    },
    'a model in a store': {
      args: ['detect', 's3://lab/m.safetensors', 'IN', '--out', 's3://lab/bad'],
      says: /^fovea: the model s3:\/\/lab\/m\.safetensors: is an address, and a file of this machine is needed; copy it here first$/,
    },
    'a report in a store': {
      args: ['hash', 'IN', '--out', 's3://lab/bad', '--report-bad', 's3://lab/bad.json'],
      says: /^fovea: --report-bad s3:\/\/lab\/bad\.json: is an address, /,
    },
  };
  it.each(Object.entries(cases))('%s', async (_, { args = HASH, env = {}, before, says }) => {
    before?.();
    for (const [name, value] of Object.entries(env)) {
      vi.stubEnv(
        name,
        value === 'NOBODY' && name !== 'AWS_ACCESS_KEY_ID' ? `http://127.0.0.1:${await freePort()}` : value,
      );
    }
    const objects = new Map(store.buckets.get('lab'));
    const { code, stdout, stderr } = await foveaHere(
      'batch',
      ...args.map((arg) => (arg === 'IN' ? at('in') : arg)),
    );
    expect(code, stderr).toBe(2);
    expect(stdout).toBe('');
    expect(messages(stderr)).toEqual([expect.stringMatching(says)]);
    expect(stderr).not.toMatch(/secret%2Fof|token%2Fof/);
    expect(new Map(store.buckets.get('lab'))).toEqual(objects);
    expect((await readdir('.')).filter((name) => /^(s3|gs):/.test(name))).toEqual([]);
  });

  it('results of a command that writes to folders alone', async () => {
    const { code, stderr } = await foveaHere('hash', at('in'), '--json', 's3://lab/bad/hashes.json');
    expect(code).toBe(2);
    expect(messages(stderr)).toEqual([
      expect.stringMatching(
        /^fovea: s3:\/\/lab\/bad: is an address, and only fovea batch writes there; give a path$/,
      ),
    ]);
  });
});

it('lets commands on a few images read them, too', async () => {
  const { code, stdout, stderr } = await foveaHere(
    'hash',
    's3://lab/in/p0000.png',
    's3://lab/in/p0001.png',
    '--json',
    at('few.json'),
  );
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/s3:\/\/lab\/in\/p0000\.png/);
  const whole: { readonly file: string }[] = JSON.parse(text('whole/hashes.json'));
  expect(JSON.parse(await readFile(at('few.json'), 'utf8'))).toEqual(whole.slice(0, 2));
  const needy = await foveaHere('dedupe', 's3://lab/in', '--out', at('unique'));
  expect(needy.code).toBe(2);
  expect(messages(needy.stderr)).toEqual([
    expect.stringMatching(
      /^fovea: s3:\/\/lab\/in: is an address, and files of this machine are needed; copy them here first/,
    ),
  ]);
});

describe('a store that stops working', () => {
  const args = ['hash', 's3://lab/in', '--shard', '2', '--out', 's3://lab/stops'];

  it('ends the batch, blames no image, and the same command goes on', async () => {
    store.trouble = ({ method, key }) => {
      if (method === 'PUT' && key.includes('/shards/000002')) store.readOnly = true;
      return undefined;
    };
    const stopped = await run(...args);
    expect(stopped.code).toBe(2);
    expect(stopped.stderr).toMatch(/fovea: s3:\/\/lab\/stops\/\S*: cannot be written, it is read-only/);
    expect(keys('stops/.fovea-batch/shards/')).toHaveLength(2);
    expect(keys('stops/hashes')).toEqual([]);
    store.readOnly = false;
    store.trouble = () => undefined;
    const ended = await run(...args);
    expect(ended.code, ended.stderr).toBe(0);
    expect(keys('stops/')).toEqual(['stops/hashes.csv', 'stops/hashes.json']);
  });
});

describe.runIf(HAS_POSTGRES)('workers of a queue', () => {
  it('read and write a store, and no job or log has the credentials', async () => {
    vi.stubEnv('FOVEA_QUEUE', server!.address());
    vi.stubEnv('FOVEA_QUEUE_PASSWORD', server!.password);
    const args = ['hash', 's3://lab/in', '--shard', '2', '--out', 's3://lab/queued'];
    const { ended } = startFovea(['batch', ...args]);
    const waiting = async () =>
      (await server!.query('SELECT * FROM fovea.job').catch(() => ({ rows: [] }))).rows;
    await expect.poll(waiting).toHaveLength(PICTURES / 2);
    const jobs = JSON.stringify(await waiting());
    expect(jobs).toContain('s3://lab/queued');
    for (const secret of [...SECRETS, credentials.accessKeyId]) expect(jobs).not.toContain(secret);
    const status = await fovea('status', '--json');
    const [batch] = JSON.parse(status.stdout).work;
    expect(batch).toMatchObject({ out: 's3://lab/queued', done: `0/${PICTURES / 2}` });
    const worker = new WorkerProcess();
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(0);
    said.push(await ended, await worker.drain());
    expect(store.contents('lab', 'queued')).toEqual(store.contents('lab', 'whole'));
  });
});
