import path from 'node:path';
import { UsageError } from 'fovea';
import { counted } from '../counted.ts';
import { defined } from '../defined.ts';
import { checkOutputFile, makeFolder } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { describeHeldOut } from '../heldOut.ts';
import { withLock } from '../lock.ts';
import { printable } from '../printable.ts';
import { checkNoTraining, exportWeights, runTraining, savedTraining } from '../training.ts';
import { reportPath, writeTrainingReport } from '../trainingReport.ts';
import { setUpTraining } from '../trainingSetUp.ts';
import type { TrainOptions } from '../trainOptions.ts';

/** fovea train: a model from random weights or those of a file, on a folder of labelled images. */
export async function trainCommand(options: TrainOptions): Promise<void> {
  const { out } = options;
  if (options.resume && options.force) {
    throw new UsageError('train: --resume continues a training, --force replaces it; leave one of them out');
  }
  if (options.epochs !== undefined && options.steps !== undefined) {
    throw new UsageError(
      `train: --epochs ${options.epochs} and --steps ${options.steps} both say how long to train; leave one of them out`,
    );
  }
  if (out === undefined) {
    throw new UsageError('train: give --out FILE, the file for the weights, here or as out in --config');
  }
  await checkOutputFile(out);
  checkExtension(out);
  await withLock(out, () => trainLocked(options, out));
}

/** Throws UsageError for a name of the weights that says another format. */
function checkExtension(out: string): void {
  const { dir, name, ext } = path.parse(out);
  if (ext.toLowerCase() === '.safetensors') return;
  const right = path.join(dir, `${name}.safetensors`);
  const hint = ['.pth', '.pt', '.onnx'].includes(ext.toLowerCase())
    ? `, and convert it afterwards: fovea weights convert ${right} ${out}`
    : '';
  throw new UsageError(
    `train: --out ${out}: weights are written as .safetensors; give --out ${right}${hint}`,
  );
}

/** A training whose device waits for crops for a larger share of the time than this says so. */
const MUCH_WAITING = 0.05;

async function trainLocked(options: TrainOptions, out: string): Promise<void> {
  if (!options.resume && !options.force) checkNoTraining(out);
  const saved = options.resume ? await savedTraining(out) : undefined;
  const log = options.log ?? saved?.log;
  if (log !== undefined) await makeFolder(log);
  const { model, settings, split, weights, note } = await setUpTraining('train', options, saved);
  const samples = split.train;
  if (saved && saved.progress.step === settings.steps) {
    await exportWeights(out);
    process.stderr.write(
      `${printable(out)}: the training is finished, ${settings.steps} of ${counted(settings.steps, 'step')}; give more --steps or --epochs to go on\n`,
    );
    return;
  }
  const { checkpointEvery, until } = options;
  if (saved && until !== undefined && saved.progress.step >= until) {
    const step = await exportWeights(out);
    process.stderr.write(`${printable(out)}: the training is at step ${step}, past --until ${until}\n`);
    return;
  }
  await withGpu(options.adapter, async (gpu) => {
    const count = counted(samples.length, 'image');
    const classes = settings.classNames.map(printable).join(', ');
    process.stderr.write(
      `${model}: ${count}, classes ${classes}; ${counted(settings.steps, 'step')} of ${counted(settings.batchSize, 'crop')} of ${settings.cropSize}x${settings.cropSize}\n`,
    );
    process.stderr.write(describeHeldOut(split));
    const result = await runTraining(gpu, samples, settings, {
      label: model,
      data: note.data,
      out,
      note,
      log,
      ...(saved ? { saved } : {}),
      ...(weights ? { weights } : {}),
      ...(split.valid ? { valid: split.valid } : {}),
      ...defined({ checkpointEvery, until }),
    });
    const report = reportPath(out);
    await writeTrainingReport(report, result, { data: note.data, out, adapter: gpu.device.adapter });
    const here = saved ? ` (${result.stepsHere} in this run)` : '';
    const { waiting } = result;
    const waited = waiting > MUCH_WAITING ? `, ${Math.round(100 * waiting)} % of it waiting for crops` : '';
    const speed = `${result.imagesPerSecond.toFixed(1)} images/s${waited}`;
    const { best } = result;
    const kept = best ? `the weights of epoch ${best.epoch + 1} (${best.name} ${best.value.toFixed(3)})` : '';
    process.stderr.write(
      result.finished
        ? `trained: ${printable(out)}, ${counted(result.step, 'step')}${here}, ${speed}${kept && `; ${kept}`}\n`
        : `stopped: ${printable(out)} has ${kept ? `${kept}, stopped at` : 'the weights of'} step ${result.step} of ${settings.steps}${here}, ${speed}; continue with --resume\n`,
    );
    process.stderr.write(`curves and settings: ${printable(report)}\n`);
  });
}
