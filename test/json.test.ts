import { describe, expect, it } from 'vitest';
import { DataError } from '../src/errors.ts';
import { findDuplicateKey, parseJson } from '../src/json.ts';

const messageOf = (text: string): string => {
  try {
    parseJson(text, 'f.json', 'fix it');
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    return (error as DataError).message;
  }
  throw new Error('no error was thrown');
};

describe('parseJson', () => {
  it('parses, also behind a byte order mark', () => {
    expect(parseJson('\uFEFF {"a": [1, "\\u00e9\\n", null]}', 'f', '')).toEqual({ a: [1, 'é\n', null] });
  });

  it.each([
    ['', 1, 1, 'a value', 'the end of the text'],
    ['{', 1, 2, "a key in double quotes or '}'", 'the end of the text'],
    ['{"a" 1}', 1, 6, "':'", '"1"'],
    ['{"a": 1,}', 1, 9, 'a key in double quotes', '"}"'],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3, "',' or '}'", '"\\""'],
    ['[1, 2', 1, 6, "',' or ']'", 'the end of the text'],
    ['[1 2]', 1, 4, "',' or ']'", '"2"'],
    ['[1,]', 1, 4, 'a value', '"]"'],
    ['[\r\n NaN]', 2, 2, "a value or ']'", '"NaN"'],
    ['[01]', 1, 3, "',' or ']'", '"1"'],
    ['[1.]', 1, 3, "',' or ']'", '"."'],
    ['{} x', 1, 4, 'the end of the text', '"x"'],
    ["{'a': 1}", 1, 2, "a key in double quotes or '}'", `"'a'"`],
    ['["a\n"]', 1, 4, 'the closing quote of a string', '"\\n"'],
    ['["a', 1, 4, 'the closing quote of a string', 'the end of the text'],
    ['["\\x"]', 1, 3, 'an escape that JSON knows', '"\\\\x"'],
    ['[1}', 1, 3, "',' or ']'", '"}"'],
  ])('places the fault in %j', (text, line, column, expected, found) => {
    expect(messageOf(text)).toBe(
      `f.json: line ${line}, column ${column}: expected ${expected}, found ${found}; fix it`,
    );
  });

  it('places a fault wherever a document is cut', () => {
    const text = '{"a": [1.5e-3, true, {"b": "\\"c\\u0041"}], "d": null}';
    for (let length = 0; length < text.length; length++) {
      expect(messageOf(text.slice(0, length))).toMatch(/^f\.json: line 1, column \d+: expected /);
    }
  });

  it('survives depth and long strings', () => {
    expect(messageOf('['.repeat(200_000))).toContain('column 200001');
    expect(messageOf(`["${'\\n'.repeat(500_000)}" x]`)).toContain('column 1000005');
  });
});

describe('findDuplicateKey', () => {
  it('looks at keys of one object, not at values or at other objects', () => {
    expect(findDuplicateKey('{"a": "a", "b": {"a": ["a", "a"]}, "c": [{"a": 1}, {"a": 2}]}')).toBeUndefined();
    expect(findDuplicateKey('{"a\\"{": 1, "b": 2, "a\\u0022{" : 3}')).toBe('a"{');
    expect(findDuplicateKey('[{"x": {"k": 1, "k": 1}}]')).toBe('k');
  });
});
