import { UsageError } from '../../errors.ts';
import { writeFileAtomic } from '../../io/files.ts';
import { withDefaults } from '../../options.ts';
import type { Callback, TrainingState } from '../callback.ts';

/** Options of `CSVLogger`. */
export interface CSVLoggerOptions {
  /** The file. */
  readonly path: string;
  /** What is between the values. Default `,`. */
  readonly separator?: string;
}

/**
 * Writes a table of the epochs after each one: `epoch` (from 0), then the logs by name (Keras's CSVLogger). The epochs before a resumed
 * checkpoint are in it. Node only.
 */
export class CSVLogger implements Callback {
  readonly #options: Required<CSVLoggerOptions>;

  /** @param options Throws UsageError without a path. */
  constructor(options: CSVLoggerOptions) {
    this.#options = withDefaults('CSVLogger', options, { path: options?.path, separator: ',' });
    const { path } = this.#options;
    if (typeof path !== 'string' || path === '') {
      throw new UsageError(`CSVLogger: path is ${path}; give the name of a file`);
    }
  }

  async onEpochEnd({ history }: TrainingState): Promise<void> {
    const { path, separator } = this.#options;
    const columns = Object.entries(history.history);
    const rows = history.epochs.map((_, i) => [i, ...columns.map(([, values]) => values[i]!)]);
    const lines = [['epoch', ...columns.map(([name]) => name)], ...rows];
    const text = lines.map((line) => `${line.join(separator)}\n`).join('');
    await writeFileAtomic(path, new TextEncoder().encode(text));
  }
}
