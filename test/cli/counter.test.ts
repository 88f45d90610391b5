import { expect, it } from 'vitest';
import { createCounter } from '../../cli/src/counter.ts';

it('counts on a terminal, leaves nothing behind, and is silent in a pipe', () => {
  for (const isTTY of [true, false]) {
    const written: string[] = [];
    const counter = createCounter('images', { isTTY, write: (text) => written.push(text) });
    counter.show(1);
    counter.show(2);
    counter.clear();
    counter.clear();
    expect(written).toEqual(isTTY ? ['\r1 images\u001b[K', '\r\u001b[K'] : []);
  }
});
