import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { History, historyPath } from '../../cli/src/history.ts';
import { lossPlot } from '../../cli/src/plots.ts';
import { DataError } from '../../src/errors.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fovea-history-'));
  file = historyPath(join(folder, 'model.safetensors'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const record = (step: number) => ({ step, losses: { box: 1 / step }, lr: 0.001 });
const steps = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => record(from + i));
const textOf = (records: readonly object[]) => records.map((one) => `${JSON.stringify(one)}\n`).join('');

describe('the history of a training', () => {
  it('is appended, and replaces an earlier one only when it is first written', async () => {
    writeFileSync(file, textOf(steps(1, 9)));
    const history = History.create(file);
    for (const one of steps(1, 2)) history.add(one);
    expect(readFileSync(file, 'utf8')).toBe(textOf(steps(1, 9)));
    await history.flush();
    await history.flush();
    expect(readFileSync(file, 'utf8')).toBe(textOf(steps(1, 2)));
    const { ino } = statSync(file);
    history.add(record(3));
    await history.flush();
    expect(readFileSync(file, 'utf8')).toBe(textOf(steps(1, 3)));
    expect(statSync(file).ino).toBe(ino);
  });

  it.each([
    ['was killed between the history and the checkpoint', textOf(steps(1, 8))],
    ['was killed while it wrote a line', `${textOf(steps(1, 5))}{"step":6,"los`],
    ['was killed after the checkpoint', textOf(steps(1, 5))],
  ])('is cut at the checkpoint of a training that %s', async (_, left) => {
    writeFileSync(file, left);
    const history = await History.resume(file, 5);
    expect(history.before).toEqual(steps(1, 5));
    expect(readFileSync(file, 'utf8')).toBe(textOf(steps(1, 5)));
    for (const one of steps(6, 7)) history.add(one);
    await history.flush();
    expect(readFileSync(file, 'utf8')).toBe(textOf(steps(1, 7)));
  });

  it('begins anew where there is none', async () => {
    const history = await History.resume(file, 5);
    expect(history.before).toEqual([]);
    expect(existsSync(file)).toBe(false);
    history.add(record(6));
    await history.flush();
    expect(readFileSync(file, 'utf8')).toBe(textOf([record(6)]));
  });

  it.each([
    ['no JSON', 'step 1\n', 1],
    ['a step that comes again', textOf([record(1), record(1)]), 2],
    ['a step below 1', textOf([record(0)]), 1],
    ['half a step', textOf([record(1), { ...record(2), step: 2.5 }]), 2],
    ['a loss that is no number', textOf([{ step: 1, losses: { box: null }, lr: 0.1 }]), 1],
    ['no losses', textOf([{ step: 1, lr: 0.1 }]), 1],
    ['a rate below 0', textOf([{ ...record(1), lr: -1 }]), 1],
    ['null', 'null\n', 1],
  ])('is refused with %s, and stays as it is', async (_, left, line) => {
    writeFileSync(file, left);
    const resumed = History.resume(file, 5);
    await expect(resumed).rejects.toThrow(DataError);
    await expect(resumed).rejects.toThrow(
      new RegExp(`model\\.history\\.jsonl: line ${line} is not the record of a step .*; remove the file`),
    );
    expect(readFileSync(file, 'utf8')).toBe(left);
  });

  it('is refused where it was changed since the checkpoint', async () => {
    const history = History.create(file);
    for (const one of steps(1, 3)) history.add(one);
    const checksum = await history.flush();
    for (const one of steps(4, 5)) history.add(one);
    expect(await history.flush()).not.toBe(checksum);
    const text = textOf(steps(1, 5));
    const resumed = await History.resume(file, 3, checksum);
    expect(await resumed.flush()).toBe(checksum);
    const edited = [text.replace('0.5', '0.6'), text.replace('{', '{ '), textOf(steps(2, 5)), ''];
    for (const other of edited) {
      writeFileSync(file, other);
      const again = History.resume(file, 3, checksum);
      await expect(again).rejects.toThrow(DataError);
      await expect(again).rejects.toThrow(
        /was changed since the checkpoint of step 3: .*; .* remove the file/,
      );
      expect(readFileSync(file, 'utf8')).toBe(other);
    }
    writeFileSync(file, textOf(steps(1, 4)));
    expect((await History.resume(file, 3, checksum)).before).toEqual(steps(1, 3));
  });

  it('may have 130,000 records, which the report can draw', async () => {
    const all = steps(1, 130_000);
    writeFileSync(file, textOf(all));
    const history = await History.resume(file, 130_000);
    expect(history.before).toHaveLength(130_000);
    history.add(record(130_001));
    await history.flush();
    expect((await History.resume(file, 130_001)).before.at(-1)).toEqual(record(130_001));
    expect(lossPlot(history.before)).toContain('<svg');
  });
});
