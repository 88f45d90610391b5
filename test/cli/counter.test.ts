import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createCounter } from '../../cli/src/counter.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('counts on a terminal, leaves nothing behind, and is silent in a pipe', () => {
  for (const isTTY of [true, false]) {
    const written: string[] = [];
    const counter = createCounter('images', { isTTY, write: (text) => written.push(text) });
    counter.show(1);
    counter.show(2);
    vi.advanceTimersByTime(1000);
    counter.show(3);
    counter.clear();
    counter.clear();
    expect(written).toEqual(isTTY ? ['\r1 images\u001b[K', '\r3 images\u001b[K', '\r\u001b[K'] : []);
  }
});
