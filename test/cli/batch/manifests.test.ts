/** examples/scale: what the validators of Kubernetes and Compose say, and whether the command line takes the commands in them. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1';
import { Job } from 'kubernetes-models/batch/v1';
import { PersistentVolumeClaim, Secret, Service } from 'kubernetes-models/v1';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { understand } from '../../docs/commandLine.ts';

const folder = path.join(import.meta.dirname, '../../../examples/scale');
const read = (name: string): string => readFileSync(path.join(folder, name), 'utf8');

interface Container {
  readonly name: string;
  readonly args?: string[];
  readonly env?: readonly { readonly name: string }[];
}
interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly template?: { readonly spec: { readonly containers: Container[] } } };
}

const KINDS = { Deployment, StatefulSet, Job, PersistentVolumeClaim, Secret, Service } as const;
const validate = (manifest: Manifest): void => {
  const Kind = KINDS[manifest.kind as keyof typeof KINDS] as new (data: object) => { validate(): void };
  new Kind(manifest).validate();
};

describe('kubernetes.yaml', () => {
  const manifests = parseAllDocuments(read('kubernetes.yaml')).map((one) => one.toJS() as Manifest);

  it.each(
    manifests.map((one) => [`${one.kind} ${one.metadata.name}`, one] as const),
  )('%s is valid', (_, one) => {
    validate(one);
    expect(one.apiVersion).toBe(
      new (KINDS[one.kind as keyof typeof KINDS] as new () => Manifest)().apiVersion,
    );
  });

  it('is checked for real', () => {
    const deployment = manifests.find(({ kind }) => kind === 'Deployment')!;
    expect(() =>
      validate({ ...deployment, spec: { ...deployment.spec, replicas: 'many' } as never }),
    ).toThrow(/replicas/);
    expect(() => validate({ ...deployment, spec: { template: deployment.spec!.template } as never })).toThrow(
      /selector/,
    );
  });

  it('has commands that there are', () => {
    const containers = manifests.flatMap(({ spec }) => spec?.template?.spec.containers ?? []);
    const commands = containers.filter(({ args }) => args);
    expect(commands.map(({ args }) => understand(args!).name)).toEqual(['worker', 'batch detect']);
    for (const { env } of commands)
      expect(env!.map(({ name }) => name)).toEqual(['FOVEA_QUEUE', 'FOVEA_QUEUE_PASSWORD']);
  });
});

describe('compose.yaml', () => {
  interface Compose {
    readonly services: Readonly<
      Record<string, { readonly command?: string[]; readonly entrypoint?: string[] }>
    >;
  }
  const { services } = parse(read('compose.yaml')) as Compose;

  it('has commands that there are', () => {
    expect(understand(services.worker!.command!).name).toBe('worker');
    expect(services.batch!.entrypoint).toEqual(['fovea', 'batch']);
    const [, shown = ''] = /# docker compose run --rm batch (.*)/.exec(read('compose.yaml')) ?? [];
    expect(understand(['batch', ...shown.split(' ')]).name).toBe('batch detect');
  });

  const compose = ['docker-compose', '/usr/bin/docker-compose'].find((file) => {
    try {
      execFileSync(file, ['version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
  it.runIf(compose !== undefined)('is valid', () => {
    const env = { ...process.env, FOVEA_QUEUE_PASSWORD: 'x', DATA: '/data' };
    const said = execFileSync(compose!, ['-f', 'compose.yaml', 'config'], { cwd: folder, env });
    expect(said.toString()).toContain('fovea@queue');
  });
});
