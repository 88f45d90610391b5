import type { Output } from './output.ts';

/** The line is drawn at most this often. */
const MS = 100;

/** Progress without a known total: a number that counts up on a terminal. In a pipe nothing is written. */
export function createCounter(what: string, stream: Output = process.stderr) {
  const onTerminal = stream.isTTY === true && process.env.TERM !== 'dumb';
  let last = 0;
  let shown = false;
  return {
    show(count: number): void {
      if (!onTerminal || Date.now() - last < MS) return;
      last = Date.now();
      shown = true;
      stream.write(`\r${count} ${what}\u001b[K`);
    },
    /** Takes the line away. */
    clear(): void {
      if (shown) stream.write('\r\u001b[K');
      shown = false;
    },
  };
}
