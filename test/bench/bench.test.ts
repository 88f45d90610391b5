import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mismatch } from '../../bench/src/compare.ts';
import { fromOrt, toOrt } from '../../bench/src/layout.ts';
import { countNet } from '../../bench/src/networks/count.ts';
import { mobilenet, resnet18 } from '../../bench/src/networks/nets.ts';
import { Ours } from '../../bench/src/ours.ts';
import { renderReport } from '../../bench/src/report.ts';
import { type ResultRow, type Results, rates, resultsName, rounded } from '../../bench/src/results.ts';
import { runRow } from '../../bench/src/runRow.ts';
import { geometricMean, median, spread } from '../../bench/src/statistics.ts';
import { summary, Table } from '../../bench/src/table.ts';
import { bytesOf, type Workload } from '../../bench/src/workload.ts';
import { allRows } from '../../bench/src/workloads/index.ts';
import { matmul } from '../../src/graph/functions/reduce.ts';
import { type Limits, measureLimits } from '../../src/profile/limits.ts';
import { callsDuring } from '../plan/counting.ts';

const gemm: Workload = {
  name: 'gemm 32',
  inputs: [{ shape: [32, 32] }, { shape: [32, 32] }],
  flops: 2 * 32 ** 3,
  bytes: bytesOf([32, 32], [32, 32], [32, 32]),
  ours: (a, b) => ({ y: matmul(a!, b!) }),
  tfjs: 'absent',
  ort: 'absent',
  jax: 'absent',
};

const effort = { rounds: 2, time: 20, iterations: 2, once: 500 };

describe('the bench', () => {
  let ours: Ours;
  let limits: Limits;
  let row: ResultRow;

  beforeAll(async () => {
    ours = await Ours.open(undefined);
    limits = await measureLimits(ours.gpu.device, 1 / 16);
    row = await runRow({ ours }, gemm, limits, effort);
  });
  afterAll(() => ours.dispose());

  it('measures the limits of the adapter', () => {
    for (const limit of [limits.gflops, limits.gbps]) {
      expect(limit).toBeGreaterThan(0);
      expect(limit).toBeLessThan(Number.POSITIVE_INFINITY);
    }
  });

  it('measures a workload without peers', () => {
    expect(row.name).toBe('gemm 32');
    expect(row.runs).toBeGreaterThanOrEqual(2);
    expect(row.medianMs).toBeGreaterThan(0);
    expect(row.spreadMs).toBeGreaterThanOrEqual(0);
    expect(row.firstMs).toBeGreaterThan(0);
    expect(row.jsMs).toBeLessThan(row.medianMs);
    // Both inputs and the result lie on the device.
    expect(row.peakBytes).toBeGreaterThanOrEqual(gemm.bytes);
    expect(row.ratio).toEqual({});
    expect(row.peers).toEqual({});
  });

  it('computes at every run', async () => {
    let runs = 0;
    const calls = await callsDuring(ours.gpu, async () => {
      ({ runs } = await runRow({ ours }, gemm, limits, effort));
    });
    expect(runs).toBeGreaterThan(1);
    expect(calls.dispatchWorkgroups).toBeGreaterThanOrEqual(runs);
  });

  it('times the GPU within the wall time', () => {
    if (!ours.gpu.device.device.features.has('timestamp-query')) return;
    expect(row.gpuMs).toBeGreaterThan(0);
    expect(row.gpuMs).toBeLessThan(row.medianMs);
    expect(row.gflops).toBeCloseTo(gemm.flops / row.gpuMs! / 1e6, 6);
  });

  it('writes what the results file promises', () => {
    const results: Results = {
      adapter: 'lavapipe (llvmpipe: Mesa 25)',
      software: true,
      date: '2026-09-05T10:00:00.000Z',
      quick: true,
      versions: { fovea: '1' },
      limits,
      rows: [row],
    };
    expect(resultsName(results)).toBe('lavapipe-2026-09-05');
    const written = JSON.parse(JSON.stringify(rounded(results)));
    expect(Object.keys(written)).toEqual(
      expect.arrayContaining(['adapter', 'versions', 'date', 'limits', 'rows']),
    );
    const fields = [
      'name',
      'medianMs',
      'spreadMs',
      'gflops',
      'gbps',
      'shareOfLimit',
      'ratio',
      'firstMs',
      'jsMs',
    ];
    expect(Object.keys(written.rows[0])).toEqual(expect.arrayContaining(fields));
    const page = renderReport(results);
    expect(page).toContain('gemm 32');
    expect(page).not.toMatch(/src=|href=|@import/);
  });
});

describe('figures', () => {
  it('takes medians, spreads and geometric means', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(spread([1, 2, 3, 4, 5])).toBe(2);
    expect(geometricMean([2, 8])).toBeCloseTo(4, 12);
  });

  it('takes the nearer limit', () => {
    const limits = { gflops: 10, gbps: 5 };
    expect(rates({ flops: 10e9, bytes: 1e9 }, 2000, limits).shareOfLimit).toBeCloseTo(0.5, 12);
    expect(rates({ flops: 1e9, bytes: 10e9 }, 4000, limits).shareOfLimit).toBeCloseTo(0.5, 12);
  });

  it('counts ResNet-18 and MobileNetV2 as their papers do', () => {
    const multiplyAdds = (flops: number) => flops / 2 / 1e6;
    const resnet = countNet(resnet18, [1, 224, 224, 3]);
    const mobile = countNet(mobilenet, [1, 224, 224, 3]);
    expect(multiplyAdds(resnet.flops)).toBeCloseTo(1814, -1);
    expect(multiplyAdds(mobile.flops)).toBeCloseTo(300, -1);
    expect(resnet.outputs).toEqual([[1, 1000]]);
  });
});

describe('comparisons', () => {
  it('finds what differs', () => {
    const a = [Float32Array.of(1, 2, 100)];
    expect(mismatch(a, [Float32Array.of(1, 2, 100.01)])).toBeUndefined();
    expect(mismatch(a, [Float32Array.of(1, 2.1, 100)])).toMatch(/result 0 differs by 1\.0e-3/);
    expect(mismatch(a, [Float32Array.of(1, 2)])).toMatch(/2 values, ours 3/);
    expect(mismatch(a, [Float32Array.of(1, 2, Number.NaN)])).toMatch(/differs/);
  });

  it('turns layouts there and back', () => {
    const data = Float32Array.from({ length: 2 * 3 * 4 * 5 }, (_, i) => i);
    const { data: turned, dims } = toOrt(data, [2, 3, 4, 5], 'image');
    expect(dims).toEqual([2, 5, 3, 4]);
    // (n, c, h, w) = (1, 2, 0, 3) is (1, 0, 3, 2) of ours.
    expect(turned[((1 * 5 + 2) * 3 + 0) * 4 + 3]).toBe(((1 * 3 + 0) * 4 + 3) * 5 + 2);
    expect(fromOrt(turned, dims, 'image')).toEqual(data);
  });
});

describe('the table', () => {
  it('tells what a peer cannot do, and where one is ahead', () => {
    const figures = { runs: 1, medianMs: 1, spreadMs: 0, firstMs: 1 };
    const base = { ...figures, flops: 1, bytes: 1, gflops: 1, gbps: 1, shareOfLimit: 1 };
    const rows: ResultRow[] = [
      { ...base, name: 'a', ratio: { tfjs: 4 }, peers: { tfjs: figures } },
      { ...base, name: 'b', ratio: { tfjs: 0.25 }, peers: { tfjs: figures } },
      { ...base, name: 'c', ratio: {}, peers: { tfjs: { cannot: 'no such thing' } } },
      { ...base, name: 'd', ratio: { tfjs: 9 }, peers: { tfjs: { ...figures, onCpu: true } } },
    ];
    expect(summary({ rows }, ['tfjs'])).toEqual([
      'tfjs: no such thing: c',
      'tfjs: * computed on the CPU, not counted below: d (9.00x)',
      'tfjs: 1.00x in the geometric mean of 2 rows; behind in: b',
    ]);
    // Without WebGPU: a line of its own.
    const cpu = rows.map((row) => ({ ...row, ratio: { ortCpu: 0.5 }, peers: { ortCpu: figures } }));
    expect(summary({ rows: cpu }, ['ortCpu'])).toEqual([
      'cpu (onnxruntime without WebGPU): 0.5x in the geometric mean of 4 rows; behind in: a; b; c; d',
    ]);
    const table = new Table(['a'], ['tfjs']);
    expect(table.head()).toContain('tfjs ms');
    expect(table.row(rows[2]!)).toContain('cannot');
    expect(table.row(rows[3]!)).toContain('1.00*');
  });

  it('has a name for every row, once', () => {
    for (const quick of [false, true]) {
      const names = allRows({ quick }).map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(names.length).toBeGreaterThan(50);
    }
  });
});
