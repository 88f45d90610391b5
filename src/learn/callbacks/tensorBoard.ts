import { UsageError } from '../../errors.ts';
import { GrowingFile } from '../../io/files.ts';
import { withDefaults } from '../../options.ts';
import type { Callback, TrainingState } from '../callback.ts';
import type { History, Logs, StepLogs } from '../history.ts';
import { EventFile, eventFileName, type Scalars } from './eventFile.ts';

/** Options of `TensorBoard`. */
export interface TensorBoardOptions {
  /** The folder, for `tensorboard --logdir`. It is made if it is missing. */
  readonly logDir: string;
  /** When losses of single steps are written: `epoch` never, `batch` at each step, a number at every so-manieth one. Default `epoch`. */
  readonly updateFreq?: 'epoch' | 'batch' | number;
}

/** The two folders that TensorBoard shows as runs of one chart. */
const PARTS = ['train', 'validation'] as const;
type Part = (typeof PARTS)[number];

/** What a resumed training needs to continue the files. */
interface TensorBoardState {
  /** Steps and epochs of the trainings before. */
  readonly before: { readonly steps: number; readonly epochs: number };
  readonly files: { readonly [P in Part]: { readonly name: string; readonly length: number } };
}

/** Both files have their names from the start, so that every checkpoint knows them. */
type Files = Readonly<Record<Part, { readonly name: string; readonly file: EventFile }>>;

const VALIDATION = 'val_';

/** `lr` in the logs is `learning_rate` in Keras's. */
const kerasName = (name: string): string => (name === 'lr' ? 'learning_rate' : name);

const tagged = (prefix: string, logs: Logs): Logs =>
  Object.fromEntries(Object.entries(logs).map(([name, value]) => [`${prefix}${kerasName(name)}`, value]));

/**
 * Writes event files for TensorBoard, with Keras's folders and tags: `train/` has `epoch_loss`, the other losses and `epoch_learning_rate`
 * of each epoch (from 0), and `batch_loss`, `batch_learning_rate` of steps (from 1); `validation/` has `epoch_loss` and the metrics. They
 * are appended and flushed to the disk after each epoch. A resumed training continues the files behind its checkpoint, with nothing in
 * them twice; where they are missing it writes what its history holds. A later training continues the steps and epochs of the one
 * before. Values are stored as 32-bit floats. Node only.
 */
export class TensorBoard implements Callback {
  readonly #logDir: string;
  /** Steps between those that are written; none is for 0. */
  readonly #every: number;
  #files: Files | undefined;
  #before = { steps: 0, epochs: 0 };
  /** Steps and epochs of the last training and those before. */
  #done = { steps: 0, epochs: 0 };
  #resumed: TensorBoardState | undefined;

  /** @param options Throws UsageError without a folder. */
  constructor(options: TensorBoardOptions) {
    const { logDir, updateFreq } = withDefaults('TensorBoard', options, {
      logDir: options?.logDir,
      updateFreq: 'epoch' as const,
    });
    if (typeof logDir !== 'string' || logDir === '') {
      throw new UsageError(`TensorBoard: logDir is ${logDir}; give the name of a folder`);
    }
    this.#every = updateFreq === 'batch' ? 1 : updateFreq === 'epoch' ? 0 : updateFreq;
    const isOnce = updateFreq === 'batch' || updateFreq === 'epoch';
    if (!isOnce && !(Number.isSafeInteger(updateFreq) && updateFreq > 0)) {
      throw new UsageError(
        `TensorBoard: updateFreq is ${updateFreq}; give epoch, batch, or a whole number of steps above 0`,
      );
    }
    this.#logDir = logDir;
  }

  async onTrainBegin({ history }: TrainingState): Promise<void> {
    const resumed = this.#resumed;
    this.#resumed = undefined;
    if (!resumed) {
      this.#before = { ...this.#done };
      this.#files ??= { train: this.#newFile('train'), validation: this.#newFile('validation') };
      // A training may be resumed that had no files so far.
      for (const part of PARTS) {
        const missing = this.#scalars(part, history);
        if (missing.length > 0) await this.#add(part, missing, true);
      }
      this.#advance(history.steps.at(-1)?.step ?? 0, history.epochs.length);
      return;
    }
    this.#before = resumed.before;
    this.#files = {
      train: await this.#continued('train', resumed, history),
      validation: await this.#continued('validation', resumed, history),
    };
    this.#advance(history.steps.at(-1)?.step ?? 0, history.epochs.length);
  }

  async onBatchEnd(_: TrainingState, logs: StepLogs): Promise<void> {
    if (this.#isWritten(logs)) await this.#add('train', [this.#stepScalars(logs)], false);
    this.#advance(logs.step, this.#done.epochs - this.#before.epochs);
  }

  async onEpochEnd({ history }: TrainingState): Promise<void> {
    const epoch = history.epochs.length - 1;
    for (const part of PARTS) {
      const scalars = this.#epochScalars(part, history, epoch);
      if (Object.keys(scalars.values).length > 0) await this.#add(part, [scalars], true);
    }
    this.#advance(history.steps.at(-1)?.step ?? 0, history.epochs.length);
  }

  state(): unknown {
    if (!this.#files) return null;
    const { train, validation } = this.#files;
    return {
      before: this.#before,
      files: {
        train: { name: train.name, length: train.file.length },
        validation: { name: validation.name, length: validation.file.length },
      },
    } satisfies TensorBoardState;
  }

  loadState(state: unknown): void {
    this.#resumed = (state as TensorBoardState | null) ?? undefined;
  }

  #advance(steps: number, epochs: number): void {
    this.#done = { steps: this.#before.steps + steps, epochs: this.#before.epochs + epochs };
  }

  #isWritten({ step }: StepLogs): boolean {
    return this.#every > 0 && step % this.#every === 0;
  }

  #stepScalars({ step, losses, lr }: StepLogs): Scalars {
    return { step: this.#before.steps + step, values: tagged('batch_', { ...losses, lr }) };
  }

  #epochScalars(part: Part, { epochs }: History, epoch: number): Scalars {
    const own = Object.entries(epochs[epoch]!)
      .filter(([name]) => name.startsWith(VALIDATION) === (part === 'validation'))
      .map(([name, value]) => [part === 'validation' ? name.slice(VALIDATION.length) : name, value] as const);
    return { step: this.#before.epochs + epoch, values: tagged('epoch_', Object.fromEntries(own)) };
  }

  /** Everything of a training so far, in the order in which it was logged. */
  #scalars(part: Part, history: History): Scalars[] {
    const last = Math.max(history.steps.at(-1)?.epoch ?? 0, history.epochs.length - 1);
    return Array.from({ length: last + 1 }, (_, epoch) => [
      ...(part === 'train'
        ? history.steps
            .filter((logs) => logs.epoch === epoch && this.#isWritten(logs))
            .map((logs) => this.#stepScalars(logs))
        : []),
      ...(history.epochs[epoch] ? [this.#epochScalars(part, history, epoch)] : []),
    ])
      .flat()
      .filter(({ values }) => Object.keys(values).length > 0);
  }

  async #add(part: Part, scalars: readonly Scalars[], flush: boolean): Promise<void> {
    await this.#files?.[part].file.add(scalars, { flush });
  }

  #newFile(part: Part): Files[Part] {
    const name = eventFileName();
    return { name, file: new EventFile(GrowingFile.create(this.#path(part, name))) };
  }

  /** A file behind what a checkpoint knows of; where that is not there, with everything of the history. */
  async #continued(part: Part, resumed: TensorBoardState, history: History): Promise<Files[Part]> {
    const { name, length } = resumed.files[part];
    const path = this.#path(part, name);
    const found = await GrowingFile.reopen(path, length);
    const file = new EventFile(found ?? GrowingFile.create(path));
    const missing = found ? [] : this.#scalars(part, history);
    if (missing.length > 0) await file.add(missing, { flush: true });
    return { name, file };
  }

  #path(part: Part, name: string): string {
    return `${this.#logDir}/${part}/${name}`;
  }
}
