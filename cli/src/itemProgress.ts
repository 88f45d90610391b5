import { printable } from './printable.ts';
import { createProgress } from './progress.ts';

/** Progress of things that are done one after the other, with lines that stay. For a single thing none is shown. */
export interface ItemProgress {
  /** Shows how many things are done. */
  update(done: number): void;
  /** Says a line on stderr. */
  say(line: string): void;
  /** Ends it. More calls do nothing. */
  end(): void;
}

/** Begins it. `unit`: the word for one thing, and for several. */
export function itemProgress(
  total: number,
  label: string,
  unit: readonly [one: string, several: string],
): ItemProgress {
  if (total < 2) {
    return {
      update: () => undefined,
      say: (line) => void process.stderr.write(`${printable(line)}\n`),
      end: () => undefined,
    };
  }
  const progress = createProgress({ total, label, unit });
  return {
    update: (done) => progress.update(done),
    say: (line) => progress.log(printable(line)),
    end: () => progress.done(),
  };
}
