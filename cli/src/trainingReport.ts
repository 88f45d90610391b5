import path from 'node:path';
import { type TrainResult, taskOf } from 'fovea';
import { linePlot } from 'fovea/draw';
import { type History, plotLoss, plotRates } from 'fovea/learn';
import { type ReportAdapter, writeReport } from './report.ts';
import { configOf } from './runRecord.ts';

/** Where a training of `model.safetensors` writes its curves: `model.report.html`. */
export const reportPath = (out: string): string => {
  const { dir, name } = path.parse(out);
  return path.join(dir, `${name}.report.html`);
};

const TITLES = { detect: 'object detection', segment: 'segmentation', classify: 'classification' } as const;

/** A plot of values after each epoch, counted from 1; '' where there are none. */
function epochPlot(history: History, title: string, names: Readonly<Record<string, string>>): string {
  const series = Object.entries(names)
    .map(([name, shown]) => ({
      name: shown,
      dots: history.epochs.length < 40,
      points: history.epochs.flatMap(({ [name]: value }, i) =>
        value === undefined || Number.isNaN(value) ? [] : [[i + 1, value] as const],
      ),
    }))
    .filter(({ points }) => points.length > 0);
  return series.length === 0 ? '' : linePlot({ title, xLabel: 'epoch', yLabel: title.toLowerCase(), series });
}

/** The plots of a training: the losses of both sets, each part of them, the metrics, and the rates. */
function plotsOf(history: History, best: TrainResult['best']): string[] {
  const names = [...new Set(history.epochs.flatMap((logs) => Object.keys(logs)))];
  const losses = [...new Set(history.steps.flatMap((step) => Object.keys(step.losses)))];
  const parts = losses.filter((name) => name !== 'loss');
  const metrics = names.filter(
    (name) => name.startsWith('val_') && !losses.includes(name.slice('val_'.length)),
  );
  return [
    plotLoss(history, best ? { best } : {}),
    epochPlot(history, 'Metrics', Object.fromEntries(metrics.map((name) => [name, name.slice(4)]))),
    ...(parts.length > 1 ? parts : []).map((name) =>
      epochPlot(history, `Loss: ${name}`, { [name]: 'training', [`val_${name}`]: 'validation' }),
    ),
    plotRates(history),
  ].filter((plot) => plot !== '');
}

/** Writes the curves of a training, of training and validation, and all of its settings, as an HTML page. */
export async function writeTrainingReport(
  file: string,
  { trained, best, step, finished, logged, imagesPerSecond }: TrainResult & { readonly logged: History },
  { data, out, adapter }: { readonly data: string; readonly out: string; readonly adapter: ReportAdapter },
): Promise<void> {
  const { name, training, classNames } = trained;
  const last = logged.epochs.at(-1) ?? {};
  const shown = (best && logged.epochs[best.epoch]) ?? last;
  const metrics = Object.fromEntries(
    Object.entries(shown)
      .filter(([key]) => key === 'loss' || key.startsWith('val_'))
      .map(([key, value]) => [key, value]),
  );
  const what = best
    ? `The weights are those of epoch ${best.epoch + 1}, the best by ${best.name}.`
    : 'The weights are those of the last step.';
  await writeReport(file, {
    title: `${name}, trained on ${data}`,
    lead: `${step} steps${finished ? '' : ' (stopped early)'}, ${imagesPerSecond.toFixed(1)} images per second. ${what}`,
    adapter: { name: adapter.name, software: adapter.software },
    runs: [
      {
        name,
        task: TITLES[taskOf(trained)],
        metrics,
        description: `Classes: ${classNames.join(', ')}.${training ? ` ${training.images.train} images to learn from, ${training.images.valid} to be judged by.` : ''}`,
        plots: plotsOf(logged, best),
        config: training ? configOf(trained, training) : {},
      },
    ],
    timings: [],
    versions: { fovea: training?.fovea ?? '', node: process.versions.node },
    command: `npx fovea info ${out} --toml > config.toml && npx fovea train --config config.toml --out again.safetensors`,
  });
}
