import { DataError } from 'fovea';
import { counted } from './counted.ts';
import { createCounter } from './counter.ts';
import { endBySignal, onInterrupt } from './errors.ts';
import { FaultLog } from './faultLog.ts';
import { imageFault, isOfImage } from './imageFault.ts';
import type { ImageInput } from './imageInputs.ts';
import { printable } from './printable.ts';

/** Images that are decoded while an earlier one is computed: decoding has other threads. */
const AHEAD = 1;

/** What is done with each image. */
export interface ImageWork<Result, Image> {
  /** Reads an image. A DataError is a fault of this image alone. */
  load(file: string): Promise<Image>;
  /** Computes the results of an image. A DataError is a fault of this image alone. */
  predict(image: Image, input: ImageInput): Promise<Result>;
  /**
   * Writes them, while the next image is computed; one image at a time, in their order. Returns a few words on them for the user.
   * Whatever it throws ends the run.
   */
  write(result: Result, image: Image, input: ImageInput): Promise<string>;
  /** Completes the files, at the end and when the run is stopped. */
  finish(): Promise<void>;
  /** Removes files that are not complete, where writing has failed. */
  discard(): Promise<void>;
}

/** Options of `runImages`. */
export interface ImageRunOptions {
  /** The file for everything that is bad, as JSON. */
  readonly reportBad?: string;
}

/** Images in their order, each with a promise of its pixels. */
export async function* loadedAhead<Image, Input extends ImageInput>(
  inputs: readonly Input[],
  load: (input: Input) => Promise<Image>,
): AsyncGenerator<{ readonly input: Input; readonly image: Promise<Image> }> {
  const waiting: { input: Input; image: Promise<Image> }[] = [];
  for (const input of inputs) {
    const image = load(input);
    // Whoever comes to it in its turn gets the error.
    image.catch(() => undefined);
    waiting.push({ input, image });
    if (waiting.length > AHEAD) yield waiting.shift()!;
  }
  yield* waiting;
}

/**
 * Predicts one image after the other, prints a line for each on stdout, and goes on after an image that cannot be used, which is a line on
 * stderr. A few images are in memory at a time. The first signal completes the files and ends the process.
 *
 * @throws DataError at the end where images could not be used: the fault of the only one, or their number.
 */
export async function runImages<Result, Image>(
  inputs: readonly ImageInput[],
  { reportBad }: ImageRunOptions,
  work: ImageWork<Result, Image>,
): Promise<void> {
  const faults = new FaultLog();
  const messages: string[] = [];
  const all = counted(inputs.length, 'image');
  const counter = createCounter(`of ${all}`);
  let done = 0;
  let [ended, unwritten] = [false, false];
  let writing: Promise<void> = Promise.resolve();
  let stop: () => void = () => undefined;
  const stopped = new Promise<'stopped'>((resolve) => {
    stop = () => resolve('stopped');
  });
  const release = onInterrupt(stop);
  const say = (stream: NodeJS.WriteStream, line: string): void => {
    counter.clear();
    stream.write(`${printable(line)}\n`);
    counter.show(done + messages.length);
  };
  const fail = (error: Error, input: ImageInput): void => {
    const fault = imageFault(error, input.file);
    messages.push(fault.message);
    faults.add(fault);
    if (inputs.length > 1) say(process.stderr, `failed: ${fault.message}`);
  };
  const write = async (result: Result, image: Image, input: ImageInput): Promise<void> => {
    try {
      const summary = await work.write(result, image, input);
      done++;
      say(process.stdout, `${input.file}: ${summary}`);
    } catch (error) {
      unwritten = true;
      throw error;
    }
  };
  const one = async (input: ImageInput, loading: Promise<Image>): Promise<void> => {
    let image: Image;
    let result: Result;
    try {
      image = await loading;
      result = await work.predict(image, input);
    } catch (error) {
      if (!isOfImage(error)) throw error;
      if (!ended) fail(error, input);
      return;
    }
    await writing;
    if (ended) return;
    writing = write(result, image, input);
    // Whoever waits for it gets the error.
    writing.catch(() => undefined);
  };
  try {
    for await (const { input, image } of loadedAhead(inputs, ({ file }) => work.load(file))) {
      counter.show(done + messages.length);
      if ((await Promise.race([one(input, image), stopped])) !== 'stopped') continue;
      ended = true;
      await writing;
      await work.finish();
      counter.clear();
      process.stderr.write(`stopped: ${done} of ${all} done; their results are complete\n`);
      endBySignal();
    }
    await writing;
    await work.finish();
  } catch (error) {
    ended = true;
    // After an error of the device what was written is complete; after one of the disk it may not be.
    await (unwritten ? work.discard() : work.finish()).catch(() => undefined);
    throw error;
  } finally {
    counter.clear();
    release();
  }
  if (reportBad !== undefined) await faults.write(reportBad);
  if (messages.length === 0) return;
  const [first] = messages as [string];
  throw new DataError(
    inputs.length === 1 ? first : `${messages.length} of ${all} failed; the first: ${first}`,
  );
}
