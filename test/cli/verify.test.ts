import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closest, type VerifyCommandOptions, verifyCommand } from '../../cli/src/commands/verify.ts';
import { DataError, UsageError } from '../../src/errors.ts';
import { encodeSafetensors } from '../../src/io/safetensors.ts';
import { cases } from '../../src/verify/cases/index.ts';

const fixtures = join(import.meta.dirname, '../fixtures/conformance');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fovea-verify-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(options: VerifyCommandOptions): Promise<{ code: number; lines: string[] }> {
  let text = '';
  const code = await verifyCommand(options, { write: (part) => (text += part) });
  return { code, lines: text.trimEnd().split('\n') };
}

describe('fovea verify', () => {
  it('prints the adapter, a line a check in columns, and how many passed', async () => {
    const { code, lines } = await run({ op: 'relu' });
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/adapter/i);
    const checks = cases.flatMap(({ op, grad = [] }) =>
      op !== 'relu' ? [] : grad.length > 0 ? [1, 1] : [1],
    );
    expect(lines.at(-1)).toBe(`${checks.length} passed, 0 failed, 0 unsupported`);
    const rows = lines.slice(1, -1);
    expect(rows[0]).toMatch(/^ok {11}relu {2}odd size +forward {2} +\S+ +\S+$/);
    expect(rows.length).toBe(checks.length);
    expect(new Set(rows.map((line) => line.length)).size).toBe(1);
    expect(lines.join('')).not.toContain('\x1b[');
  });

  it('checks a folder, and writes the rows to a file', async () => {
    const json = join(folder, 'rows.json');
    const { code, lines } = await run({ cases: fixtures, op: 'nms', json });
    expect(code).toBe(0);
    expect(lines.at(-1)).toBe('2 passed, 0 failed, 0 unsupported');
    const report = JSON.parse(await readFile(json, 'utf8'));
    expect(report).toMatchObject({ passed: 2, failed: 0, unsupported: 0, adapter: { name: /./ } });
    expect(report.rows[0]).toMatchObject({ op: 'nms', name: '50', direction: 'forward', status: 'ok' });
  });

  it('fails where a value is wrong or an operation is missing', async () => {
    const one = { dtype: 'f32', shape: [1], data: Float32Array.of(1) } as const;
    for (const op of ['neg', 'make_coffee']) {
      const bytes = encodeSafetensors({ 'in.x': one, 'out.y': one }, { op });
      await writeFile(join(folder, `${op}-one.safetensors`), bytes);
    }
    const { code, lines } = await run({ cases: folder });
    expect(code).toBe(1);
    expect(lines.at(-1)).toBe('0 passed, 1 failed, 1 unsupported');
    expect(lines[1]).toMatch(
      /^unsupported {2}make_coffee {2}one {2}forward .* make_coffee is not implemented$/,
    );
    expect(lines[2]).toMatch(/^FAILED {7}neg {10}one {2}forward .* y\[0\]: got -1, want 1$/);
  });

  it('takes no more than WebGPU’s defaults, and runs as often as asked', async () => {
    const json = join(folder, 'repeated.json');
    const { code, lines } = await run({ op: 'softmax', limits: 'default', repeat: 3, json });
    expect(code).toBe(0);
    expect(lines.at(-1)).toMatch(/^\d+ passed, 0 failed, 0 unsupported$/);
    const report = JSON.parse(await readFile(json, 'utf8'));
    expect(report).toMatchObject({ limits: 'default', repeat: 3, failed: 0, notApplicable: 0 });
  });

  it('says which adapter lacks f16, before any check', async () => {
    const lines: string[] = [];
    const command = verifyCommand(
      { op: 'relu', dtype: 'f16', limits: 'default' },
      { write: (part) => lines.push(part) },
    );
    await expect(command).rejects.toThrow(
      /dtype f16 needs the feature shader-f16, which the device on .+ lacks/,
    );
    expect(lines.length).toBe(1);
  });

  it('refuses folders without cases, and files that are none', async () => {
    const empty = await mkdtemp(join(folder, 'empty-'));
    await expect(run({ cases: empty })).rejects.toThrow(DataError);
    await expect(run({ cases: join(folder, 'nowhere') })).rejects.toThrow('no such file or folder');
    await writeFile(join(empty, 'broken.safetensors'), 'not at all');
    await expect(run({ cases: empty })).rejects.toThrow(/broken\.safetensors/);
  });

  it('names the operations that are close to an unknown one', async () => {
    await expect(run({ op: 'conv2' })).rejects.toThrow(UsageError);
    await expect(run({ op: 'conv2' })).rejects.toThrow('did you mean conv2d');
    await expect(run({ op: 'relu_', cases: fixtures })).rejects.toThrow('--op relu_');
    expect(closest('sofmax', ['softmax', 'sum', 'log_softmax'])).toEqual(['softmax']);
  });
});
