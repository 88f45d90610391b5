import { describe, expect, it } from 'vitest';
import { readListing } from '../../bench/offline/listing.mjs';
import { brokenRules, shareOf, worsened } from '../../bench/offline/rules.mjs';
import { targets } from '../../bench/offline/targets.mjs';

const load = '\tbuffer_load_b128 v[0:3], v4, s[4:7], 0 offen ; e05c0000';
const wait = (left: number) => `\ts_waitcnt vmcnt(${left}) ; bf890ff7`;
const multiply = '\tv_fmac_f32_e32 v9, v0, v1 ; 56ae5318';
const barrier = '\ts_barrier ; bfbd0000';
const radeon = (...lines: string[]) => readListing('radeon', lines.join('\n'));

describe('listings of RADV', () => {
  it('counts the block that multiplies most, and the loads up to its end', () => {
    const bias = '\tbuffer_load_b32 v9, v4, s[4:7], 0 offen ; e0500000';
    const found = radeon(
      'BB0:',
      load,
      bias,
      'BB1:',
      multiply,
      multiply,
      '\ts_nop 0 ; bf800000',
      'BB2:',
      multiply,
      bias,
    );
    expect(found).toEqual({ multiplies: 2, instructions: 3, matrix: false, wide: 1, narrow: 1, waits: 0 });
  });

  it('finds waits for a load before the first multiply', () => {
    expect(radeon(load, load, wait(1), multiply, barrier).waits).toBe(1);
    expect(radeon(load, load, wait(2), multiply, barrier).waits).toBe(0);
    expect(radeon(load, multiply, wait(0), multiply, barrier).waits).toBe(0);
    expect(radeon(load, multiply, barrier, wait(0), multiply).waits).toBe(0);
  });

  it('knows that a wave takes one of two branches', () => {
    const branches = (inSecond: string[]) =>
      radeon(
        '\ts_cbranch_execz BB2 ; bfa5',
        'BB1:',
        load,
        load,
        'BB2:',
        '\ts_cbranch_execz BB4 ; bfa5',
        'BB3:',
        ...inSecond,
        'BB4:',
        multiply,
      );
    expect(branches([wait(0), load, load]).waits).toBe(0);
    expect(branches([load, wait(0), load]).waits).toBe(1);
  });
});

describe('listings of NVK', () => {
  it('counts multiplies of vectors and of matrix units', () => {
    const line = (text: string) => `   r1 = ${text} // delay=1`;
    const [wide, narrow] = ['ld.global.strong.b128 [r2]', 'ld.global.strong.b32 [r2]'];
    const plain = readListing(
      'nouveau',
      ['block 0', line(wide), line(narrow), 'block 1', line('ffma.ftz r1'), line('mov r1')].join('\n'),
    );
    expect(plain).toEqual({ multiplies: 1, instructions: 2, matrix: false, wide: 1, narrow: 1, waits: 0 });
    const matrix = readListing(
      'nouveau',
      ['block 0', line('ffma r1'), line('hmma.m16n8k16.f32 r1')].join('\n'),
    );
    expect(matrix).toMatchObject({ multiplies: 1, instructions: 2, matrix: true });
  });
});

describe('rules', () => {
  const listing = { multiplies: 90, instructions: 100, matrix: false, wide: 8, narrow: 0, waits: 0 };
  const pipeline = {
    ...{ tag: 'matmul/tile128x128/0/gemm_gpu.wgsl', registers: 120, spills: 0, scratch: 0 },
    ...{ waves: 16, instructions: 1990, listing },
  };
  const broken = (target: string, changed: object, more: object = {}, checked = false) =>
    brokenRules(target, { ...pipeline, ...more, listing: { ...listing, ...changed } }, checked);

  it('allow what is as it should be', () => {
    for (const target of Object.keys(targets)) expect(brokenRules(target, pipeline, false)).toEqual([]);
    expect(shareOf(pipeline)).toBe(0.9);
  });

  it('name what is not', () => {
    expect(broken('m1', {}, { spills: 3 })).toEqual(['3 spilled registers']);
    expect(broken('ada', {}, { scratch: 64 })).toEqual(['64 bytes of scratch memory']);
    expect(broken('navi31', { waits: 2 })).toEqual(['2 waits between loads and multiplies']);
    expect(broken('navi31', { wide: 2 }, {}, true)).toEqual(['2 wide loads, not 8']);
    // NVK splits loads whose bounds it checks.
    expect(broken('hopper', { wide: 0, narrow: 32 }, {}, true)).toEqual([]);
    expect(broken('hopper', { multiplies: 80 })).toEqual([
      'multiplies are 80 % of the hottest block, not 85 %',
    ]);
    expect(broken('hopper', { multiplies: 80 }, {}, true)).toEqual([]);
    const matrix = { tag: 'matmul_f16/matrix64x64/0/gemm_matrix.wgsl' };
    expect(broken('hopper', { multiplies: 30, matrix: true }, matrix)).toEqual([
      'products of matrix units are 30 % of the hottest block, not 35 %',
    ]);
  });

  it('compare with the results in the repository', () => {
    expect(worsened(pipeline, pipeline)).toEqual([]);
    expect(worsened(pipeline, { ...pipeline, instructions: 2080 })).toEqual([]);
    const worse = {
      ...pipeline,
      waves: 12,
      instructions: 2200,
      listing: { ...listing, multiplies: 85, waits: 1 },
    };
    expect(worsened(pipeline, worse)).toEqual([
      'waves: 12 instead of 16',
      'instructions: 2200 instead of 1990',
      'multiplies: 85 % instead of 90 %',
      'waits: 1 instead of 0',
    ]);
  });
});
