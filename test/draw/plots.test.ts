import { describe, expect, it } from 'vitest';
import { formatValue, linePlot } from '../../src/draw/index.ts';
import { smoothed, thinned } from '../../src/draw/points.ts';
import { axisScale, formatTick, niceDomain } from '../../src/draw/scale.ts';
import { UsageError } from '../../src/errors.ts';

describe('plots', () => {
  it('smooth without lag or shift, and thin without losing spikes', () => {
    const line = Array.from({ length: 50 }, (_, i) => [i, 2 * i + 1] as const);
    for (const [i, [x, y]] of smoothed(line, 11).entries()) {
      expect(x).toBe(i);
      expect(y).toBeCloseTo(2 * i + 1, 9);
    }
    const long = Array.from({ length: 10_000 }, (_, i) => [i, i === 4321 ? 99 : Math.sin(i)] as const);
    const thin = thinned(long, 300);
    expect(thin.length).toBeLessThanOrEqual(300);
    expect(thin.some(([, y]) => y === 99)).toBe(true);
    expect(thin.every(([x], i) => i === 0 || x > thin[i - 1]![0])).toBe(true);
    expect([thin[0]![0], thin.at(-1)![0]]).toEqual([0, 9999]);
  });

  it('print values briefly', () => {
    expect([0, 0.12345, 1234.5, 1e-7, 0.0005].map(formatValue)).toEqual([
      '0',
      '0.123',
      '1,235',
      '1.00e-7',
      '0.0005',
    ]);
  });

  it('have round ticks', () => {
    expect(axisScale('linear', [0, 1], [0, 100], 5).ticks).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(axisScale('linear', [-0.31, 0.3], [0, 100], 5).ticks).toEqual([-0.2, 0, 0.2]);
    expect(axisScale('linear', [1.2e-9, 4.9e-9], [0, 1], 5).ticks.map(formatTick)).toEqual([
      '2e-9',
      '3e-9',
      '4e-9',
    ]);
    expect(axisScale('log', [1e-7, 10], [0, 100], 5).ticks.map(formatTick)).toEqual([
      '1e-6',
      '1e-4',
      '0.01',
      '1',
    ]);
    expect(axisScale('log', [0.03, 2], [0, 100], 6).ticks).toEqual([0.05, 0.1, 0.2, 0.5, 1, 2]);
    expect(axisScale('log', [0.5, 0.9], [0, 100], 5).ticks).toEqual([0.5, 0.6, 0.7, 0.8, 0.9]);
    expect(axisScale('log', [1e-4, 1], [0, 100], 5).map(0.01)).toBeCloseTo(50);
    expect(niceDomain([0.13, 7.2], 5)).toEqual([0, 8]);
  });

  const series = [{ name: 'a & <b>', points: [[1, 0.5] as const, [2, 0.25] as const] }];
  const labels = { title: 'T', xLabel: 'x', yLabel: 'y' };

  it('are text that stands alone, of what can be drawn', () => {
    for (const options of [
      { ...labels, series },
      { ...labels, series: [] },
      {
        ...labels,
        series: [
          { name: 'none', points: [[Number.NaN, 1] as const, [1, Number.POSITIVE_INFINITY] as const] },
        ],
      },
      { ...labels, series: [{ name: 'one', points: [[3, 0] as const] }], yScale: 'linear' as const },
      {
        ...labels,
        series: [{ name: 'one', points: [[0, -1] as const] }],
        xScale: 'log' as const,
        yScale: 'log' as const,
      },
      {
        ...labels,
        series: [{ name: 'one', points: [[5, 7] as const] }],
        xScale: 'log' as const,
        yScale: 'log' as const,
      },
      {
        ...labels,
        series,
        marks: [
          { x: 1.5, label: 'here' },
          { x: 99, label: 'outside' },
        ],
      },
    ]) {
      const svg = linePlot(options);
      expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" .*<\/svg>$/s);
      expect(svg).not.toMatch(/NaN|Infinity|undefined|<b>/);
      expect(svg).toContain('prefers-color-scheme:dark');
      expect(svg.match(/<(text|g|svg|style)\b/g)!.length).toBe(
        svg.match(/<\/(text|g|svg|style)>/g)!.length + (svg.match(/<g\/>/g)?.length ?? 0),
      );
    }
    expect(linePlot({ ...labels, series: [] })).toContain('no values');
    const marked = linePlot({
      ...labels,
      series,
      marks: [
        { x: 1.5, label: 'here' },
        { x: 99, label: 'outside' },
      ],
    });
    expect(marked).toContain('aria-label="T: a &amp; &lt;b&gt; from 0.5 to 0.25; here; outside"');
    expect(marked).toContain('>here</text>');
    expect(marked).not.toContain('>outside</text>');
  });

  it('refuse what cannot be drawn', () => {
    expect(() => linePlot({ ...labels, series, xDomain: [0, 1], xScale: 'log' })).toThrow(UsageError);
    expect(() => linePlot({ ...labels, series, yDomain: [1, 1] })).toThrow(
      'linePlot: yDomain is 1,1; give two rising numbers',
    );
    expect(() => linePlot({ ...labels, series: [{ name: 'a', points: [1] as never }] })).toThrow(UsageError);
    expect(() => linePlot({ ...labels, series, hight: 3 } as never)).toThrow('did you mean height?');
  });
});
