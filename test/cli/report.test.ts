import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { encodePng } from '../../cli/src/images.ts';
import { barPlot, lossPlot, precisionRecallPlot } from '../../cli/src/plots.ts';
import { formatSeconds, type ReportData, renderReport, writeReport } from '../../cli/src/report.ts';
import { writeTrainingReport } from '../../cli/src/trainingReport.ts';
import { History } from '../../src/learn/index.ts';

const EVIL = '<script>alert("x")</script> & \'quoted\'';
const image = await encodePng({ width: 2, height: 2, data: new Uint8Array(12) });

const sample = (text: string, software = true): ReportData => ({
  title: `Title ${text}`,
  lead: text,
  created: new Date(0),
  command: text,
  adapter: { name: text, software, details: { [text]: text, f16: false } },
  runs: [
    {
      name: text,
      task: text,
      metrics: { 'AP@.5': 0.98765, [text]: text },
      description: text,
      steps: Array.from({ length: 40 }, (_, i) => ({
        step: i,
        losses: { total: 1 / (i + 1), [text]: 1 },
        lr: 0.1,
      })),
      precisionRecall: [{ name: text, recall: [0.5, 1], precision: [1, 0.5], ap: 0.75 }],
      images: [{ image, caption: text, alt: text }],
      config: { nested: { [text]: [1, 2] }, url: 'https://example.com/' },
      seed: 7,
    },
    { name: 'second', task: 'other', metrics: { IoU: 0.5 } },
  ],
  timings: [{ what: text, where: text, seconds: 90, count: 3, note: text }],
  images: [{ image, caption: text, alt: text }],
  versions: { [text]: text },
  notes: [text],
});

describe('report', () => {
  it('escapes every value', () => {
    const html = renderReport(sample(EVIL));
    expect(html).not.toContain('<script');
    const { document } = parseHTML(html);
    const altTexts = [...document.querySelectorAll('img')].map((img) => img.getAttribute('alt'));
    expect(altTexts).toEqual([EVIL, EVIL]);
    expect(document.querySelector('h1')?.textContent).toBe(`Title ${EVIL}`);
    expect(document.querySelectorAll('[onerror],[onload],[onclick]')).toHaveLength(0);
  });

  it('loads nothing: no address in any attribute or style, images embedded', () => {
    const html = renderReport(sample('plain'));
    const fetching = [...html.matchAll(/\b(?:src|href|srcset|action|data|poster)\s*=\s*"([^"]*)"/g)].map(
      ([, value]) => value!,
    );
    expect(fetching.length).toBe(2);
    for (const value of fetching) expect(value).toMatch(/^data:image\/png;base64,[A-Za-z0-9+/=]+$/);
    expect(html).not.toMatch(/@import|url\(|<link|<script|<iframe/);
    const named = html.replace(/xmlns(?::\w+)?="[^"]*"/g, '').match(/https?:\/\/[^\s<"]*/g);
    expect(named).toEqual(['https://example.com/']);
    expect(html).toContain("default-src 'none'");
  });

  it('shows the runs in one table, a dash where a metric is missing', () => {
    const html = renderReport(sample('plain'));
    expect(html).toContain('<td class="n">0.988</td>');
    expect(html).toContain('<td class="n">\u2013</td>');
    expect(html).toContain('nested.plain');
    expect(html.match(/<img [^>]*alt="plain"/g)).toHaveLength(2);
    expect(html.match(/class="fovea-plot"/g)).toHaveLength(4);
    // Its colour is one of the plot's, which changes with the scheme of the page.
    expect(html).toContain('<span class="chip fovea-plot" style="background:var(--fovea-series-0)">');
  });

  it('says loudly that an adapter is software, and only then', () => {
    expect(renderReport(sample('plain', true))).toContain('Software adapter: plain');
    expect(renderReport(sample('plain', false))).not.toContain('Software adapter');
  });

  it('of a training says of the adapter what the device says, whatever its name', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fovea-report-'));
    const trained = { name: 'unet', classNames: ['a'] };
    const result = { trained, step: 1, finished: true, logged: new History(), imagesPerSecond: 1 };
    for (const software of [true, false]) {
      const file = join(folder, `${software}.html`);
      const adapter = { name: software ? 'SWR' : 'not llvmpipe', software };
      await writeTrainingReport(file, result as never, { data: 'd', out: 'o', adapter });
      const html = await readFile(file, 'utf8');
      expect(html.includes('Software adapter: SWR')).toBe(software);
      expect(html.includes('software (runs on the CPU)')).toBe(software);
    }
    await rm(folder, { recursive: true });
  });

  it('writes one whole file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fovea-report-'));
    await writeReport(join(folder, 'out', 'report.html'), sample('plain'));
    expect(await readdir(join(folder, 'out'))).toEqual(['report.html']);
    expect(await readFile(join(folder, 'out', 'report.html'), 'utf8')).toMatch(/<\/html>\s*$/);
    await rm(folder, { recursive: true });
  });

  it('says times as people do', () => {
    expect([5e-5, 0.0018, 0.9999, 4.2, 59.99, 151, 3600 + 240].map(formatSeconds)).toEqual([
      '50 \u00b5s',
      '1.8 ms',
      '1.00 s',
      '4.20 s',
      '1 min 00 s',
      '2 min 31 s',
      '1 h 04 min',
    ]);
  });
});

describe('plots', () => {
  it('take empty, single and unusable values', () => {
    expect(lossPlot([])).toContain('no values');
    expect(lossPlot([{ step: 1, losses: { total: Number.NaN } }])).toContain('no values');
    expect(lossPlot([{ step: 1, losses: { total: 1 } }])).toContain('<circle');
    expect(precisionRecallPlot([{ name: 'none', recall: [], precision: [], ap: 0 }])).toContain('no values');
    expect(barPlot({ title: 'none', xLabel: 's', bars: [] })).toContain('<svg');
    for (const svg of [lossPlot([]), lossPlot([{ step: 3, losses: { a: 0 } }])]) {
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    }
  });
});
