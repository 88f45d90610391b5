import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonSplitter } from '../../src/data/jsonStream.ts';

/** The items of a text that comes in pieces of this many bytes. */
function split(text: string | Uint8Array, piece = 1 << 20) {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  const splitter = new JsonSplitter('a.json', 'export it again');
  const items = [];
  for (let at = 0; at < bytes.length; at += piece)
    items.push(...splitter.push(bytes.subarray(at, at + piece)));
  splitter.end();
  return { items, keys: splitter.keys, bytes };
}

/** An object put together again from its items. */
function together(items: ReturnType<typeof split>['items'], keys: readonly string[]): unknown {
  const lists = new Map<string, unknown>();
  for (const key of keys) lists.set(key, []);
  for (const { key, index, parse } of items) {
    if (index < 0) lists.set(key, parse());
    else (lists.get(key) as unknown[])[index] = parse();
  }
  return keys[0] === '' && keys.length === 1 ? lists.get('') : Object.fromEntries(lists);
}

const fault = (text: string, piece?: number): string => {
  try {
    for (const { parse } of split(text, piece).items) parse();
  } catch (error) {
    return (error as Error).message;
  }
  return 'no fault';
};

describe('JsonSplitter', () => {
  it('gives values and elements of arrays, wherever the text is cut', () => {
    const value = {
      info: { year: 2017, list: [1, [2]] },
      images: [{ id: 1, name: 'ä"]}\\,😀' }, 2, 'three', null, [4], -1.5e3, true],
      empty: [],
      text: 'a,b]',
      number: 12,
      last: false,
    };
    for (const text of [
      JSON.stringify(value),
      JSON.stringify(value, null, 2),
      `\uFEFF ${JSON.stringify(value)} \r\n`,
    ]) {
      for (const piece of [1, 2, 3, 7, 64, 1 << 20]) {
        const { items, keys } = split(text, piece);
        expect(keys).toEqual(Object.keys(value));
        expect(together(items, keys)).toEqual(value);
      }
    }
  });

  it('gives any object or array back', () => {
    const array = fc.array(fc.jsonValue());
    const object = fc.dictionary(fc.string({ unit: 'binary', minLength: 1 }), fc.jsonValue());
    fc.assert(
      fc.property(fc.oneof(array, object), fc.integer({ min: 1, max: 40 }), (value, piece) => {
        const text = JSON.stringify(value);
        const { items, keys } = split(text, piece);
        expect(together(items, keys)).toEqual(JSON.parse(text));
      }),
      { numRuns: 300, seed: 5 },
    );
  });

  it('says which bytes an item is', () => {
    const text = '{"a": [10 , {"é": 1}], "b":"x"}';
    for (const piece of [1, 5, 100]) {
      const { items, bytes } = split(text, piece);
      const parts = items.map(({ start, end }) => new TextDecoder().decode(bytes.subarray(start, end)));
      expect(parts).toEqual(['10', '{"é": 1}', '"x"']);
    }
  });

  it.each([
    ['', "a.json: line 1, column 1: expected '{' or '[', found the end of the text; export it again"],
    ['\n  x', "a.json: line 2, column 3: expected '{' or '[', found \"x\""],
    ['{"a": 1', "line 1, column 8: expected the value's end, found the end of the text"],
    ['{"a": [1', "expected the value's end, found the end"],
    ['{"a": [1\n', "line 2, column 1: expected ',' or ']', found the end"],
    ['{"a" 1}', 'line 1, column 6: expected \':\', found "1"'],
    ['{"a": [1,\n2,,3]}', 'line 2, column 3: expected a value, found ","'],
    ['{"a": [1,]}', 'expected a value, found "]"'],
    ['{"a": 1,}', 'expected a key in double quotes, found "}"'],
    ["{'a': 1}", "expected a key in double quotes or '}', found \"'\""],
    ['{"a": 1} x', 'line 1, column 10: expected the end of the text, found "x"'],
    [
      '{"a": [{"b": NaN}]}',
      'a.json: a[0]: line 1, column 14: expected a value, found "NaN"; export it again',
    ],
    ['{"a": [1,\n\n {"b":\n1 2}]}', "a.json: a[1]: line 4, column 3: expected ',' or '}', found \"2\""],
    ['[1, nul]', 'a.json: [1]: line 1, column 5: expected a value, found "nul"'],
    ['{"a": 1, "a": 2}', 'line 1, column 10: the key "a" occurs twice'],
  ])('%j is named with its place', (text, expected) => {
    for (const piece of [1, 4, 100]) expect(fault(text, piece)).toContain(expected);
  });
});
