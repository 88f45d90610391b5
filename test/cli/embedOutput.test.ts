import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type EmbeddedRow, writerFor } from '../../cli/src/embed/output.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-embed-output-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Vectors so long that rows are written in several parts.
const rowsOf = (d: number) =>
  [undefined, 0.5, 1].map((time, row) => ({
    file: `${row}, "a".png`,
    ...(time === undefined ? {} : { time }),
    vector: Float32Array.from({ length: d }, (_, i) => Math.sin(row + 3 * i)),
  }));
const write = async (name: string, rows: readonly EmbeddedRow[]) => {
  const out = path.join(folder, name);
  await (await writerFor(out))({
    rows,
    shape: [rows[0]!.vector.length],
    metadata: { layer: 'fc' },
    model: { model: '/m.onnx', layer: 'fc' },
  });
  return readFileSync(out);
};

it('writes CSV in parts', async () => {
  const d = 20_000;
  const rows = rowsOf(d);
  const [header, ...lines] = (await write('e.csv', rows)).toString().trim().split('\n');
  expect(header!.startsWith('file,time,e0,e1,')).toBe(true);
  expect(lines).toHaveLength(3);
  expect(lines.map((line) => line.split(',').slice(0, -d).join())).toEqual([
    '"0, ""a"".png",',
    '"1, ""a"".png",0.500',
    '"2, ""a"".png",1.000',
  ]);
  for (const [i, line] of lines.entries()) {
    const values = line.split(',').slice(-d).map(Number);
    expect(
      Buffer.compare(Buffer.from(Float32Array.from(values).buffer), Buffer.from(rows[i]!.vector.buffer)),
    ).toBe(0);
  }
});

it('writes Parquet in groups of rows', async () => {
  const rows = rowsOf(400_000);
  const file = new Uint8Array(await write('e.parquet', rows)).buffer;
  const { row_groups: groups, key_value_metadata: metadata } = parquetMetadata(file);
  expect(groups.map((group) => Number(group.num_rows))).toEqual([2, 1]);
  expect(metadata).toContainEqual({ key: 'layer', value: 'fc' });
  const found = await parquetReadObjects({ file });
  expect(found.map((row) => [row.file, row.time])).toEqual(
    rows.map(({ file: name, time }) => [name, time ?? null]),
  );
  for (const [i, { embedding }] of found.entries()) {
    expect(
      Buffer.compare(
        Buffer.from(Float32Array.from(embedding as number[]).buffer),
        Buffer.from(rows[i]!.vector.buffer),
      ),
    ).toBe(0);
  }
});

it('changes neither the vectors nor their names where one of the two cannot be written', async () => {
  const before = await write('v.npy', rowsOf(2));
  const names = path.join(folder, 'v.files.json');
  rmSync(names);
  mkdirSync(names);
  await expect(write('v.npy', rowsOf(3))).rejects.toThrow(/v\.files\.json: .* folder/);
  expect(readFileSync(path.join(folder, 'v.npy'))).toEqual(before);
  expect(readdirSync(folder).filter((name) => name.includes('v.'))).toEqual(['v.files.json', 'v.npy']);
  rmSync(names, { recursive: true });
  await write('v.npy', rowsOf(3));
  expect(JSON.parse(readFileSync(names, 'utf8'))).toHaveLength(3);
});
