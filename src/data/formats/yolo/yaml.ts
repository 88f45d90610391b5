import { DataError } from '../../../errors.ts';

/** A value in data.yaml: a text, a list of texts, or texts by key (classes by number). */
export type YamlValue = string | string[] | Map<string, string>;

/**
 * Parses the part of YAML that data.yaml files use: keys at the first level, each with a text, a list (`[a, b]` or
 * lines of `- a`) or a map one level deep (`{0: a}` or indented lines of `0: a`), comments and quotes. Anything
 * indented more deeply (a download script) is skipped.
 *
 * @throws DataError, one line with file and line number, for anything else.
 */
export function parseDataYaml(text: string, file: string): Map<string, YamlValue> {
  const values = new Map<string, YamlValue>();
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const fail = (line: number, problem: string): never => {
    throw new DataError(`${file}: line ${line + 1}: ${problem}; write it as "names: [first, second]"`);
  };
  /** Reads `"a: b" # c` as `a: b`. */
  const scalar = (raw: string, line: number): string => {
    const quoted = /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)')\s*(?:#.*)?$/.exec(raw);
    if (quoted) {
      return quoted[1] === undefined
        ? quoted[2]!.replaceAll("''", "'")
        : quoted[1].replace(/\\(.)/g, (_, char) => (char === 'n' ? '\n' : char === 't' ? '\t' : char));
    }
    if (/^["'&*!|>%@`]/.test(raw)) fail(line, `${JSON.stringify(raw)} is YAML syntax that is not supported`);
    return raw.replace(/(^|\s)#.*$/, '').trim();
  };
  const parts = (inside: string): string[] =>
    inside.match(/(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,"'])+/g)?.map((part) => part.trim()) ?? [];

  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    if (/^\s*(?:#|$)|^(?:---|\.\.\.)\s*$|^%YAML/.test(line)) continue;
    const pair = splitPair(line);
    if (/^\s/.test(line) || pair === undefined) {
      return fail(i, `${JSON.stringify(line.trim().slice(0, 40))} is not a "key: value"`);
    }
    const [key, raw] = [scalar(pair[0], i), pair[1]];
    // A list may go over several lines.
    let inline = raw;
    if (/^[[{]/.test(raw)) {
      const close = raw.startsWith('[') ? ']' : '}';
      const start = i;
      while (!withoutComment(inline).trimEnd().endsWith(close)) {
        if (++i === lines.length) return fail(start, `the list does not end: no "${close}"`);
        inline = `${withoutComment(inline)} ${lines[i]!.trim()}`;
      }
      const items = parts(withoutComment(inline).trimEnd().slice(1, -1)).filter((part) => part !== '');
      if (close === ']') {
        values.set(
          key,
          items.map((item) => scalar(item, start)),
        );
      } else values.set(key, new Map(items.map((item) => entry(item, start))));
      continue;
    }
    if (scalar(/^[|>]/.test(raw) ? '' : raw, i) !== '') {
      values.set(key, scalar(raw, i));
      continue;
    }
    const block: { text: string; line: number; indent: number }[] = [];
    while (i + 1 < lines.length && /^(?:\s|-\s|-$|$|#)/.test(lines[i + 1]!)) {
      const next = lines[++i]!;
      if (!/^\s*(?:#|$)/.test(next)) {
        block.push({ text: next.trim(), line: i, indent: next.search(/\S/) });
      }
    }
    // A text of several lines is none that is needed.
    if (/^[|>]/.test(raw)) continue;
    const top = block.filter(({ indent }) => indent === block[0]!.indent);
    if (top.length > 0 && top.every(({ text }) => /^-(?:\s|$)/.test(text))) {
      values.set(
        key,
        top.map((item) => scalar(item.text.slice(1).trim(), item.line)),
      );
    } else {
      values.set(key, top.length === 0 ? '' : new Map(top.map((item) => entry(item.text, item.line))));
    }
  }
  return values;

  function entry(item: string, line: number): [string, string] {
    const pair = splitPair(item);
    if (pair === undefined) return fail(line, `${JSON.stringify(item)} is not a "key: value"`);
    return [scalar(pair[0], line), scalar(pair[1], line)];
  }
}

/** Splits `key: value`, or `"key": value`. */
function splitPair(line: string): [key: string, value: string] | undefined {
  const found = /^\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'#:][^:#]*?)\s*:(?:\s+(.*))?$/.exec(line);
  return found ? [found[1]!, (found[2] ?? '').trim()] : undefined;
}

const withoutComment = (text: string): string => text.replace(/\s#[^"'\]}]*$/, '');
