import path from 'node:path';
import { learnerOf, UsageError } from 'fovea';
import { type LrFinding, plotLrFind } from 'fovea/learn';
import sharp from 'sharp';
import { counted } from '../counted.ts';
import { defined } from '../defined.ts';
import { checkOutputFile, writeFileAtomic } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { printable } from '../printable.ts';
import { writeReport } from '../report.ts';
import { textCurve } from '../textPlots.ts';
import { setUpTraining } from '../trainingSetUp.ts';
import type { LearningOptions } from '../trainOptions.ts';

export interface LrFindOptions extends LearningOptions {
  readonly startLr?: number;
  readonly endLr?: number;
  readonly numIt?: number;
  /** A file for the plot. */
  readonly out?: string;
  /** A file for the numbers. */
  readonly json?: string;
}

/** Kinds of files for the plot. */
const PLOTS = ['.html', '.svg', '.png'];

/** A rate with three digits: 0.0012, 3.16e-7. */
const shown = (rate: number): string => String(Number(rate.toPrecision(3)));

/** fovea lr-find: the losses at rising learning rates, and a rate to train with. */
export async function lrFindCommand(options: LrFindOptions): Promise<void> {
  const { out, json, startLr, endLr, numIt } = options;
  if (out !== undefined && !PLOTS.includes(path.extname(out).toLowerCase())) {
    throw new UsageError(`lr-find: --out ${out}: give a file that ends with ${PLOTS.join(', ')}`);
  }
  for (const file of [out, json]) if (file !== undefined) await checkOutputFile(file);
  const { model, settings, split, weights, note } = await setUpTraining('lr-find', options);
  await withGpu(options.adapter, async (gpu) => {
    const learner = learnerOf(gpu, split.train, settings, weights ? { weights } : {});
    const most = numIt ?? 100;
    process.stderr.write(
      `${model}: ${counted(split.train.length, 'image')}; ${counted(most, 'step')} at most, nothing is saved\n`,
    );
    let finding: LrFinding;
    try {
      finding = await learner.lrFind(defined({ startLr, endLr, numIt }));
    } finally {
      learner.dispose();
    }
    process.stdout.write(describe(finding));
    if (json !== undefined) await writeFileAtomic(json, `${JSON.stringify(finding, undefined, 2)}\n`);
    if (out !== undefined) {
      await writePlot(out, finding, `${model} on ${note.data}`);
      process.stderr.write(`plot: ${printable(out)}\n`);
    }
  });
}

const MEANING = {
  valley: 'in the longest fall of the loss: the suggestion',
  steep: 'where the loss falls most steeply',
  minimum: 'a tenth of the rate of the lowest loss',
} as const;

function describe(finding: LrFinding): string {
  const { lrs, losses, lr } = finding;
  const rows = (Object.keys(MEANING) as (keyof typeof MEANING)[]).map((name) => {
    return `${name.padEnd(8)} ${shown(finding[name]).padStart(9)}  ${MEANING[name]}`;
  });
  // What has diverged at the end would leave no room for the rest.
  const most = losses[0]! + (losses[0]! - Math.min(...losses)) / 2;
  const shownLosses = losses.map((loss) => Math.min(loss, most));
  const curve = textCurve(lrs, shownLosses, { mark: lr, x: 'learning rate', y: 'loss' });
  return `${curve.join('\n')}\n\n${rows.join('\n')}\ntrain with: fovea train --lr ${shown(lr)}\n`;
}

/** A plot in the colours of a light page, for programs that do not know CSS variables. */
function inLight(svg: string): string {
  const colors = new Map<string, string>();
  // The first definition of each is that of light pages.
  for (const [, name, color] of svg.matchAll(/(--fovea-[\w-]+):\s*([^;}]+)/g)) {
    if (!colors.has(name!)) colors.set(name!, color!.trim());
  }
  return svg.replace(/var\((--fovea-[\w-]+)\)/g, (whole, name: string) => colors.get(name) ?? whole);
}

async function writePlot(out: string, finding: LrFinding, title: string): Promise<void> {
  const svg = plotLrFind(finding, { title: 'Loss by learning rate' });
  switch (path.extname(out).toLowerCase()) {
    case '.svg':
      return writeFileAtomic(out, svg);
    case '.png':
      return writeFileAtomic(
        out,
        await sharp(Buffer.from(inLight(svg)), { density: 192 })
          .png()
          .toBuffer(),
      );
    default: {
      const { valley, steep, minimum } = finding;
      const run = {
        name: title,
        task: 'learning rate',
        metrics: { valley: shown(valley), steep: shown(steep), minimum: shown(minimum) },
        plots: [svg],
      };
      return writeReport(out, {
        title: `Learning rate: ${title}`,
        lead: `Train with --lr ${shown(finding.lr)}.`,
        runs: [run],
        timings: [],
        versions: { node: process.versions.node },
      });
    }
  }
}
