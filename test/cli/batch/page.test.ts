/** The five commands of docs/scale.md, as written there, on the loopback interface. */

import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blocksOf, root } from '../../docs/pages.ts';
import { buildCli, startFovea } from '../run.ts';
import { Postgres } from './postgres.ts';
import { makeDetector, makePictures } from './scene.ts';

let folder: string;
let server: Postgres;

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('docs/scale.md', () => {
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'fovea-page-'));
    await buildCli();
    await makePictures(path.join(folder, 'DIR'), 6);
    await makeDetector(path.join(folder, 'model.safetensors'));
    server = await Postgres.open();
    await server.query('CREATE DATABASE fovea');
  });
  afterAll(async () => {
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('leads to several machines in five commands', async () => {
    const [block] = blocksOf('docs/scale.md').filter(({ text }) => text.includes('fovea worker'));
    const [docker, ...commands] = block!.text.split('\n');
    expect(commands).toHaveLength(4);
    // What the server's own image is told is what the address says.
    expect(docker).toMatch(
      /^docker run .*-p 5432:5432 -e POSTGRES_USER=fovea -e POSTGRES_PASSWORD=\$FOVEA_QUEUE_PASSWORD postgres:\d+$/,
    );
    const script = commands
      .join('\n')
      .replace('HOST', `127.0.0.1:${server.port}`)
      .replaceAll('npx fovea', `node ${path.join(root, 'cli/bin/fovea.mjs')}`)
      // In a terminal of its own.
      .replace(/ worker$/m, ' worker >worker.log & worker=$!; trap "kill $worker; wait" EXIT');
    const shell = spawn('bash', ['-ec', script], {
      cwd: folder,
      env: { ...process.env, FOVEA_QUEUE_PASSWORD: server.password },
    });
    let said = '';
    for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk));
    const code = await new Promise((resolve) => shell.on('close', resolve));
    expect(code, said).toBe(0);
    expect(said).toMatch(/OUT: 6 images\n1 worker, 0 batches/);
    const queue = ['--queue', server.address().replace(/postgres$/, 'fovea')];
    const status = await startFovea(['status', ...queue], { FOVEA_QUEUE_PASSWORD: server.password }).ended;
    expect(status.stdout).toBe('0 workers, 0 batches, 0 sweeps\n');
    expect((await readdir(path.join(folder, 'OUT'))).filter((name) => name.endsWith('.json'))).toHaveLength(
      6,
    );
  });
});
