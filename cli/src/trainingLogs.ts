import path from 'node:path';
import {
  type Callback,
  CSVLogger,
  type History,
  type Logs,
  TensorBoard,
  type TrainingState,
} from 'fovea/learn';
import { writeFileAtomic } from './files.ts';

/** The files of `--log`, but for those of TensorBoard. */
const CSV = 'log.csv';
const JSON_FILE = 'history.json';

/** Numbers as JSON has them: NaN, such as a metric of nothing, is null. */
const historyJson = ({ history }: History): string => {
  const { length } = Object.values(history)[0] ?? [];
  const epoch = Array.from({ length }, (_, i) => i);
  return `${JSON.stringify({ epoch, ...history }, undefined, 2)}\n`;
};

/**
 * The logs of a training: a table, Keras's `History.history` as JSON, and event files of TensorBoard in a folder that is there, all of the same
 * values. Without a folder it only keeps the history, for the report. It is always among the callbacks, so that a resumed training may begin to log.
 */
export class TrainingLogs implements Callback {
  readonly #folder: string | undefined;
  readonly #csv: CSVLogger | undefined;
  readonly #board: TensorBoard | undefined;
  #history: History | undefined;

  constructor(folder: string | undefined) {
    this.#folder = folder;
    if (folder === undefined) return;
    this.#csv = new CSVLogger({ path: path.join(folder, CSV) });
    this.#board = new TensorBoard({ logDir: folder });
  }

  /** What the training has logged; undefined before it begins. */
  get history(): History | undefined {
    return this.#history;
  }

  async onTrainBegin(training: TrainingState): Promise<void> {
    this.#history = training.history;
    await this.#board?.onTrainBegin(training);
  }

  async onEpochEnd(training: TrainingState, _: Logs): Promise<void> {
    if (this.#folder === undefined) return;
    await this.#csv?.onEpochEnd(training);
    await this.#board?.onEpochEnd(training);
    await writeFileAtomic(path.join(this.#folder, JSON_FILE), historyJson(training.history));
  }

  state(): unknown {
    return this.#board?.state() ?? null;
  }

  loadState(state: unknown): void {
    this.#board?.loadState(state);
  }
}
