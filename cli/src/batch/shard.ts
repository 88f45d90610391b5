/** A shard: some images of a batch, and the results of each, as lines of one compressed file. */
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { DataError } from 'fovea';
import type { FaultKind } from 'fovea/data';
import { imageFault, isOfImage } from '../imageFault.ts';
import { loadedAhead } from '../imageRun.ts';
import { decodeValue, encodeValue } from './values.ts';
import type { BatchInput } from './work.ts';

/** What became of an image: its results, or why there are none. */
export type Outcome =
  | { readonly result: unknown }
  | { readonly fault: { readonly kind: FaultKind; readonly message: string } };

/** What computes: a device with a model on it, or what needs neither. */
interface Computer {
  /** The adapter, where there is one. */
  readonly adapter?: { readonly name: string; readonly software: boolean } | undefined;
  close(): void;
}

/** What computes images, one after the other. */
interface ImageComputing<Image> extends Computer {
  /** Reads an image. */
  load(input: BatchInput): Promise<Image>;
  /** Its results, as plain data, and files that are results by themselves. */
  compute(image: Image, input: BatchInput): Promise<Computed>;
}

/** What computes several inputs at once. */
interface ListComputing extends Computer {
  /**
   * Gives what comes of each, in their order, or why nothing does. What comes of one does not depend on the others.
   *
   * @param onPart Called before each part of an input that takes its time.
   */
  computeAll(inputs: readonly BatchInput[], onPart: (input: BatchInput) => void): AsyncIterable<Made>;
}

export type Computing<Image = unknown> = ImageComputing<Image> | ListComputing;

/** What comes of one of several inputs. */
export type Made =
  | { readonly input: BatchInput; readonly result: unknown }
  | { readonly input: BatchInput; readonly error: Error };

/** What comes of an image. */
export interface Computed {
  readonly result: unknown;
  /** Files of these names in the folder of results. */
  readonly files?: readonly (readonly [name: string, content: Uint8Array])[];
}

/** The outcome of an image that failed. */
function failed({ file }: BatchInput, error: Error): Outcome {
  const { kind, message } = imageFault(error, file);
  return { fault: { kind, message } };
}

export interface ShardOptions {
  /** Images that are left alone, with the reasons. */
  readonly skip?: ReadonlyMap<number, string>;
  /** Whether an image is read only when the one before is done: what ends the process is then known. Default false. */
  readonly careful?: boolean;
  /** Called before each image, with its place in the shard. */
  readonly onImage?: (at: number) => void;
  /** Takes files that are results by themselves. */
  readonly write: (name: string, content: Uint8Array) => Promise<void>;
}

/** The outcomes of the images of a shard, in their order. */
export async function computeShard(
  computing: Computing,
  inputs: readonly BatchInput[],
  { skip = new Map(), careful = false, onImage, write }: ShardOptions,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const chosen = inputs.filter((_, i) => !skip.has(i));
  const places = new Map(inputs.map((input, i) => [input, i]));
  for (const [i, reason] of skip) outcomes[i] = failed(inputs[i]!, new DataError(reason));
  if ('computeAll' in computing) {
    const onPart = (input: BatchInput): void => onImage?.(places.get(input)!);
    for (const some of careful ? chosen.map((input) => [input]) : [chosen]) {
      for await (const made of computing.computeAll(some, onPart)) {
        const { input } = made;
        if ('error' in made && !isOfImage(made.error)) throw made.error;
        outcomes[places.get(input)!] = 'error' in made ? failed(input, made.error) : { result: made.result };
      }
    }
    return outcomes;
  }
  const one: ImageComputing<unknown> = computing;
  async function* oneByOne() {
    for (const input of chosen) {
      onImage?.(places.get(input)!);
      const image = one.load(input);
      image.catch(() => undefined);
      yield { input, image };
    }
  }
  for await (const { input, image } of careful
    ? oneByOne()
    : loadedAhead(chosen, (input) => one.load(input))) {
    const at = places.get(input)!;
    if (!careful) onImage?.(at);
    try {
      const { result, files = [] } = await one.compute(await image, input);
      for (const [name, content] of files) await write(name, content);
      outcomes[at] = { result };
    } catch (error) {
      if (!isOfImage(error)) throw error;
      outcomes[at] = failed(input, error);
    }
  }
  return outcomes;
}

/** A shard's file. Its lines are packed one by one: together they may be more than a text can hold. */
export async function encodeShard(outcomes: readonly Outcome[]): Promise<Uint8Array> {
  function* lines() {
    for (const outcome of outcomes) yield `${encodeValue(outcome)}\n`;
  }
  const chunks: Buffer[] = [];
  await pipeline(lines, createGzip(), async (packed: AsyncIterable<Buffer>) => {
    for await (const chunk of packed) chunks.push(chunk);
  });
  return Buffer.concat(chunks);
}

const NEWLINE = 10;

/** The outcomes in a shard's file. Throws DataError where they are not those of so many images. */
export async function decodeShard(content: Uint8Array, count: number, name: string): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let begun: Buffer[] = [];
  const read = async (text: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of text) {
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
        const line = Buffer.concat([...begun, chunk.subarray(start, end)]).toString();
        outcomes.push(decodeValue(line, name) as Outcome);
        begun = [];
        start = end + 1;
      }
      begun.push(chunk.subarray(start));
    }
  };
  await pipeline([content], createGunzip(), read).catch((error) => {
    if (error instanceof DataError) throw error;
    throw new DataError(`${name}: is damaged (${error.message}); remove it, and go on with the batch`, {
      cause: error,
    });
  });
  if (outcomes.length === count) return outcomes;
  throw new DataError(
    `${name}: has the results of ${outcomes.length} images, not of ${count}; remove it, and go on with the batch`,
  );
}
