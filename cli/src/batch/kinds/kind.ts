/** What a batch of one kind is: how an image is computed on a worker, and what becomes of the results of all. */
import type { AdapterChoice, Gpu } from 'fovea';
import { openGpu } from 'fovea';
import type { DataFault } from 'fovea/data';
import * as v from 'valibot';
import { checkAs } from '../../checked.ts';
import type { Computing } from '../shard.ts';
import type { BatchInput } from '../work.ts';

/** Paths of the files of a batch, by the options that name them. */
export type OptionFiles = Readonly<Record<string, string>>;

/** Takes the results of all images, in their order. */
export interface Sink {
  add(result: unknown, input: BatchInput): Promise<void>;
  /** Completes the files. */
  finish(): Promise<void>;
  /** Removes files that are not complete. */
  discard(): Promise<void>;
}

/** What is known where results come together. */
export interface SinkSetting {
  readonly files: OptionFiles;
  readonly inputs: readonly BatchInput[];
  /** The folder that results are written into. */
  readonly out: string;
  /** Where they will be: that folder, or an address. */
  readonly home: string;
  /** Where paths begin that were given to the command. */
  readonly folder: string;
  /** Tells what was left out, or changed, of what did not fail. */
  readonly note: (fault: DataFault) => void;
}

export interface BatchKind<Options = unknown> {
  /** The options as they travel. Throws DataError for what they cannot be. */
  check(options: unknown): Options;
  /** Opens what computes. */
  open(options: Options, files: OptionFiles, adapter: string | undefined): Promise<Computing>;
  /** Begins what takes all results. */
  sink(options: Options, setting: SinkSetting): Promise<Sink>;
}

/** A kind with a schema of its options, for those who know only that it is one. */
export function defineKind<const Schema extends v.GenericSchema, Image, Result>(kind: {
  readonly options: Schema;
  open(
    options: v.InferOutput<Schema>,
    files: OptionFiles,
    adapter: string | undefined,
  ): Promise<Computing<Image>>;
  sink(
    options: v.InferOutput<Schema>,
    setting: SinkSetting,
  ): Promise<Omit<Sink, 'add'> & { add(result: Result, input: BatchInput): Promise<void> }>;
}): BatchKind {
  const { options: schema, open, sink } = kind;
  type Options = v.InferOutput<Schema>;
  return {
    check: (options) => checkAs(schema, options, 'options of the batch'),
    open: (options, files, adapter) => open(options as Options, files, adapter) as Promise<Computing>,
    sink: (options, setting) => sink(options as Options, setting) as Promise<Sink>,
  };
}

/** Numbers of options. */
export const positive = v.pipe(v.number(), v.gtValue(0));
export const positiveWhole = v.pipe(v.number(), v.integer(), v.minValue(1));
export const score = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

/** Options of the model's file that are no files themselves. */
export const modelFields = {
  arch: v.optional(v.string()),
  fit: v.optional(v.picklist(['letterbox', 'stretch'])),
  normalize: v.optional(v.picklist(['imagenet', 'none'])),
} as const;

/** Options of test-time augmentation. */
export const testTimeFields = {
  scales: v.optional(v.array(positive)),
  flip: v.optional(v.boolean()),
  merge: v.optional(v.picklist(['nms', 'wbf'])),
} as const;

/** Opens a device. */
export const openDevice = (adapter: string | undefined): Promise<Gpu> =>
  openGpu(adapter === undefined ? {} : { adapter: adapter as AdapterChoice });

/** What is said of a device. */
export const adapterOf = ({ device }: Gpu): { readonly name: string; readonly software: boolean } => {
  const { name, software } = device.adapter;
  return { name, software };
};
