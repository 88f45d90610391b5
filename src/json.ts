import { expectArguments } from './arguments.ts';
import { DataError } from './errors.ts';

// What the grammar allows next. The texts are also what the error says.
const VALUE = 'a value';
const VALUE_OR_END = "a value or ']'";
const KEY = 'a key in double quotes';
const KEY_OR_END = "a key in double quotes or '}'";
const COLON = "':'";
const COMMA_OR_BRACE = "',' or '}'";
const COMMA_OR_BRACKET = "',' or ']'";
const END = 'the end of the text';

const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

interface Fault {
  readonly offset: number;
  readonly expected: string;
}

/** Where a text starts in its file, from 1. */
export interface TextPlace {
  /** The line, from 1. */
  readonly line: number;
  /** The column, from 1. */
  readonly column: number;
}

/**
 * Parses JSON; a byte order mark in front is skipped. `start` is where the text stands in its file, if not at its start.
 *
 * Throws a one-line DataError `<where>: line 3, column 7: expected ',' or '}', found "x"; <fix>`. The
 * engines' own messages hold line breaks from the text, and most of them no position.
 */
export function parseJson(
  text: string,
  where: string,
  fix: string,
  start: TextPlace = { line: 1, column: 1 },
): unknown {
  expectArguments('parseJson', { text, where, fix }, { text: 'text', where: 'text', fix: 'text' });
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  try {
    return JSON.parse(source);
  } catch (cause) {
    const fault = firstFault(source);
    if (fault === undefined) throw new DataError(`${where}: cannot be parsed as JSON; ${fix}`, { cause });
    const before = source.slice(0, fault.offset);
    const breaks = before.split('\n').length - 1;
    const line = start.line + breaks;
    const column = fault.offset - before.lastIndexOf('\n') + (breaks === 0 ? start.column - 1 : 0);
    const found = describeFound(source, fault.offset);
    throw new DataError(
      `${where}: line ${line}, column ${column}: expected ${fault.expected}, found ${found}; ${fix}`,
      { cause },
    );
  }
}

/** The word or character at `offset`, quoted and on one line. */
function describeFound(text: string, offset: number): string {
  if (offset >= text.length) return END;
  const word = /^[^\s,:[\]{}"]{1,24}/.exec(text.slice(offset, offset + 24));
  return JSON.stringify(word?.[0] ?? text[offset]);
}

/** The first place where `text` leaves the JSON grammar (RFC 8259). With a stack of its own: depth is the input's. */
function firstFault(text: string): Fault | undefined {
  const open: ('{' | '[')[] = [];
  let expected = VALUE;
  let offset = 0;
  const afterValue = () => {
    if (open.length === 0) return END;
    return open.at(-1) === '{' ? COMMA_OR_BRACE : COMMA_OR_BRACKET;
  };
  for (;;) {
    while (isWhitespace(text[offset])) offset++;
    const char = text[offset];
    const takesValue = expected === VALUE || expected === VALUE_OR_END;
    const takesKey = expected === KEY || expected === KEY_OR_END;
    if (char === undefined) return expected === END ? undefined : { offset, expected };
    if (char === '"' && (takesValue || takesKey)) {
      const end = scanString(text, offset);
      if (typeof end !== 'number') return end;
      offset = end;
      expected = takesKey ? COLON : afterValue();
    } else if ((char === '{' || char === '[') && takesValue) {
      open.push(char);
      expected = char === '{' ? KEY_OR_END : VALUE_OR_END;
      offset++;
    } else if (
      (char === '}' && (expected === KEY_OR_END || expected === COMMA_OR_BRACE)) ||
      (char === ']' && (expected === VALUE_OR_END || expected === COMMA_OR_BRACKET))
    ) {
      open.pop();
      expected = afterValue();
      offset++;
    } else if (char === ',' && (expected === COMMA_OR_BRACE || expected === COMMA_OR_BRACKET)) {
      expected = expected === COMMA_OR_BRACE ? KEY : VALUE;
      offset++;
    } else if (char === ':' && expected === COLON) {
      expected = VALUE;
      offset++;
    } else {
      SCALAR.lastIndex = offset;
      if (!takesValue || !SCALAR.test(text)) return { offset, expected };
      offset = SCALAR.lastIndex;
      expected = afterValue();
    }
  }
}

/** The offset behind the string that opens at `start`, or the fault inside it. */
function scanString(text: string, start: number): number | Fault {
  for (let offset = start + 1; ; ) {
    const char = text[offset];
    if (char === '"') return offset + 1;
    if (char === undefined || char < ' ') return { offset, expected: 'the closing quote of a string' };
    if (char === '\\') {
      ESCAPE.lastIndex = offset;
      if (!ESCAPE.test(text)) return { offset, expected: 'an escape that JSON knows' };
      offset = ESCAPE.lastIndex;
    } else {
      offset++;
    }
  }
}

const isWhitespace = (char: string | undefined): boolean =>
  char === ' ' || char === '\n' || char === '\t' || char === '\r';

/** A key that stands twice in one object of valid JSON, where JSON.parse would silently keep the last. */
export function findDuplicateKey(text: string): string | undefined {
  const scopes: Set<string>[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '{') scopes.push(new Set());
    else if (text[i] === '}') scopes.pop();
    if (text[i] !== '"') continue;
    const start = i;
    for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++;
    let next = i + 1;
    while (isWhitespace(text[next])) next++;
    if (text[next] !== ':') continue;
    const key: string = JSON.parse(text.slice(start, i + 1));
    const scope = scopes.at(-1)!;
    if (scope.has(key)) return key;
    scope.add(key);
  }
  return undefined;
}
