import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import {
  type AnnotatedImage,
  type AnnotatedShape,
  type Dataset,
  type DatasetClass,
  type DatasetWriter,
  FORMATS,
  type FormatName,
  objectsOf,
} from 'fovea/data';
import { counted, countedWarning, shownLabel } from '../counted.ts';
import { createCounter } from '../counter.ts';
import type { DataOptions } from '../dataOptions.ts';
import { DiskSink } from '../diskSink.ts';
import { endBySignal, onInterrupt } from '../errors.ts';
import { FaultLog } from '../faultLog.ts';
import { realPath } from '../files.ts';
import { printable } from '../printable.ts';
import { openData } from '../samples.ts';
import { verifiedAhead } from '../verifiedImages.ts';

export interface ConvertOptions extends DataOptions {
  readonly format: FormatName;
  readonly linkImages?: boolean;
  readonly force?: boolean;
  /** To masks: fill the boxes of objects without an outline. */
  readonly boxesAsMasks?: boolean;
}

/** The reason of a reading that the user has stopped. */
class Stopped extends Error {}

/** How long a stopped conversion may take to end in order, in milliseconds. */
const PATIENCE = 500;

/** Counts what goes through. */
class Tally {
  images = 0;
  readonly objects = new Map<string, number>();
  /** Shapes that are known by a box only, and others. */
  readonly shapes = { boxes: 0, drawn: 0 };

  add({ annotation }: AnnotatedImage): void {
    this.images++;
    for (const shape of annotation.shapes) this.shapes[isDrawn(shape) ? 'drawn' : 'boxes']++;
    for (const { label } of objectsOf(annotation.shapes)) {
      this.objects.set(label, (this.objects.get(label) ?? 0) + 1);
    }
  }

  get text(): string {
    const count = [...this.objects.values()].reduce((a, b) => a + b, 0);
    const most = [...this.objects].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
    const shown = most.slice(0, 10).map(([label, n]) => `${n} ${shownLabel(label)}`);
    if (most.length > shown.length) shown.push(`… ${most.length - shown.length} more classes`);
    const list = shown.length > 0 ? ` (${shown.join(', ')})` : '';
    return `${counted(this.images, 'image')}, ${counted(count, 'object')}${list}`;
  }
}

const isDrawn = ({ points, mask }: AnnotatedShape): boolean => points !== undefined || mask !== undefined;

/** An image whose boxes are outlines. */
function withFilledBoxes(image: AnnotatedImage): AnnotatedImage {
  const shapes = image.annotation.shapes.map((shape): AnnotatedShape => {
    if (isDrawn(shape)) return shape;
    const [x1, y1, x2, y2] = shape.box;
    const corners: [number, number][] = [
      [x1, y1],
      [x2, y1],
      [x2, y2],
      [x1, y2],
    ];
    return { ...shape, points: corners };
  });
  return { ...image, annotation: { ...image.annotation, shapes } };
}

/** Replacing a folder must not remove what is read, nor may what is written become part of what is read. */
async function checkApart(from: string, to: string): Promise<void> {
  const [source, target] = [await realPath(from), await realPath(to)];
  const within = (inner: string, outer: string) => inner === outer || inner.startsWith(outer + path.sep);
  if (within(source, target) || within(target, source)) {
    throw new UsageError(
      source === target
        ? `${to}: is the folder to convert; choose another folder`
        : `${to}: is inside ${from}, or contains it; choose a separate folder`,
    );
  }
}

/** The classes as the data set lists them, or else those that occur, by name: for that it is read once more. */
async function classesOf(dataset: Dataset): Promise<readonly DatasetClass[]> {
  if (dataset.classes) return dataset.classes;
  const labels = new Set<string>();
  for await (const { annotation } of dataset.images()) {
    for (const { label } of annotation.shapes) labels.add(label);
  }
  return [...labels].sort().map((name) => ({ name }));
}

/**
 * fovea convert: a data set in another format. Prints what was converted, and what the format could not express. The folder is
 * there when all is done, and not before. Throws DataError for what cannot be read, UsageError where `to` exists.
 */
export async function convertCommand(from: string, to: string, options: ConvertOptions): Promise<void> {
  if (options.boxesAsMasks && options.format !== 'masks') {
    throw new UsageError('convert: --boxes-as-masks is for --format masks; leave it out');
  }
  await checkApart(from, to);
  await FaultLog.check(options);
  const faults = new FaultLog();
  await faults.during(options, () => convert(from, to, options, faults));
}

async function convert(from: string, to: string, options: ConvertOptions, faults: FaultLog): Promise<void> {
  const aborted = new AbortController();
  const dataset = await openData(from, options, faults, { signal: aborted.signal, extras: true });
  const format = FORMATS[options.format];
  const counter = createCounter('images');
  const tally = new Tally();
  // From here on a signal ends it in order: nothing half-written stays.
  let hurry: NodeJS.Timeout | undefined;
  // Only the renaming of one or two folders is left then.
  let finishing = false;
  const sayStopped = () => {
    counter.clear();
    process.stderr.write(`stopped: ${printable(to)} was not written\n`);
  };
  const release = onInterrupt(() => {
    if (finishing) return;
    aborted.abort(new Stopped());
    // The writing of one large image goes on longer; what it has made goes with the process.
    hurry = setTimeout(() => {
      sayStopped();
      endBySignal();
    }, PATIENCE);
  });
  let sink: DiskSink | undefined;
  try {
    sink = await DiskSink.create(to, {
      mode: options.linkImages ? 'link' : 'copy',
      force: options.force ?? false,
    });
    const classes = await classesOf(dataset);
    const writer = format.create(sink, classes, dataset.extra);
    for await (const { image, verified } of verifiedAhead(dataset.images())) {
      const found = await faults.attempt(options, () => verified);
      aborted.signal.throwIfAborted();
      if (!found) continue;
      const { extension } = found;
      const taken = { ...(options.boxesAsMasks ? withFilledBoxes(image) : image), extension };
      await writer.add(taken);
      tally.add(taken);
      counter.show(tally.images);
    }
    if (tally.images === 0) await faults.finishEmpty(options, from);
    const { boxes, drawn } = tally.shapes;
    if (options.format === 'masks' && boxes > 0 && drawn === 0) {
      throw new DataError(
        `${from}: has boxes but no outlines or masks; convert it to another format, or fill the boxes (--boxes-as-masks)`,
      );
    }
    await writer.end();
    counter.clear();
    await faults.finish(options);
    aborted.signal.throwIfAborted();
    finishing = true;
    await sink.finish();
    report(writer);
  } catch (error) {
    await sink?.discard();
    if (!(error instanceof Stopped)) throw error;
    sayStopped();
  } finally {
    clearTimeout(hurry);
    counter.clear();
    release();
  }

  function report({ warnings }: DatasetWriter): void {
    process.stdout.write(`${printable(`${from} (${FORMATS[dataset.format].title}): ${tally.text}`)}\n`);
    process.stdout.write(`${printable(to)} (${format.title}): written\n`);
    for (const [what, count] of warnings) {
      process.stdout.write(`  not expressed in ${format.title}: ${printable(countedWarning(what, count))}\n`);
    }
  }
}
