import { BadData } from '../../faults.ts';

/** An element of an XML text: its children in order, and its text. Attributes are skipped. */
export interface XmlElement {
  readonly name: string;
  readonly children: XmlElement[];
  /** The text directly inside, with entities replaced and outer spaces removed. */
  text: string;
  /** The line where it begins, from 1. */
  readonly line: number;
  readonly column: number;
}

const NAME = /[A-Za-z_:\u0080-\uffff][-A-Za-z0-9._:\u0080-\uffff]*/y;
const ATTRIBUTE = /\s+([A-Za-z_:][-A-Za-z0-9._:]*)\s*=\s*(?:"[^"<]*"|'[^'<]*')/y;
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
]);

/**
 * Parses the part of XML 1.0 that annotation files use: elements, attributes, text, the five named entities and
 * numbered ones, CDATA, comments and instructions. Document types are refused: they can refer to other files, and let a
 * few lines expand to gigabytes.
 *
 * @throws DataError `<where>: line 3, column 7: <problem>; <fix>` if the text is not well-formed.
 */
export function parseXml(source: string, where: string, fix: string): XmlElement {
  const text = source.startsWith('\uFEFF') ? source.slice(1) : source;
  // Places are asked for in the order of the text, nearly: lines are counted on from the last.
  let [counted, lines, lineStart] = [0, 1, 0];
  const placeOf = (offset: number) => {
    if (offset < counted) [counted, lines, lineStart] = [0, 1, 0];
    for (let next = text.indexOf('\n', counted); next >= 0 && next < offset; ) {
      lines++;
      lineStart = next + 1;
      next = text.indexOf('\n', lineStart);
    }
    counted = Math.max(lineStart, Math.min(offset, text.length));
    return { line: lines, column: offset - lineStart + 1 };
  };
  const fail = (offset: number, problem: string): never => {
    const { line, column } = placeOf(offset);
    throw new BadData('structure', `${where}: line ${line}, column ${column}: ${problem}; ${fix}`);
  };
  const match = (pattern: RegExp, offset: number): string | undefined => {
    pattern.lastIndex = offset;
    return pattern.exec(text)?.[0];
  };
  const behind = (offset: number, end: string, what: string): number => {
    const at = text.indexOf(end, offset);
    return at < 0 ? fail(offset, `${what} that does not end`) : at + end.length;
  };
  const replaceEntities = (offset: number, raw: string): string =>
    raw.replace(/&([^;\s&]*);?/g, (whole, name: string, at: number) => {
      const number = /^#(?:x([0-9a-fA-F]+)|(\d+))$/.exec(name);
      const code = number ? Number.parseInt(number[1] ?? number[2]!, number[1] ? 16 : 10) : -1;
      const value = code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : ENTITIES.get(name);
      if (value === undefined || !whole.endsWith(';')) {
        const what = name === '' ? 'an "&" by itself' : `unknown entity ${whole}`;
        return fail(offset + at, `${what}: write "&" as "&amp;"`);
      }
      return value;
    });

  const open: XmlElement[] = [];
  let root: XmlElement | undefined;
  let at = 0;
  while (at < text.length) {
    const parent = open.at(-1);
    if (text[at] !== '<') {
      const end = text.indexOf('<', at) < 0 ? text.length : text.indexOf('<', at);
      const raw = text.slice(at, end);
      if (parent) parent.text += replaceEntities(at, raw);
      else if (raw.trim() !== '') {
        fail(
          at + raw.search(/\S/),
          `expected an element, found ${JSON.stringify(raw.trim().slice(0, 20))} outside of it`,
        );
      }
      at = end;
    } else if (text.startsWith('<!--', at)) {
      at = behind(at, '-->', 'a comment');
    } else if (text.startsWith('<?', at)) {
      at = behind(at, '?>', 'an instruction');
    } else if (text.startsWith('<![CDATA[', at) && parent) {
      const end = behind(at, ']]>', 'a CDATA section');
      parent.text += text.slice(at + 9, end - 3);
      at = end;
    } else if (text.startsWith('<!', at)) {
      fail(at, 'a document type (<!DOCTYPE …>), which could load other files: remove it');
    } else if (text.startsWith('</', at)) {
      const name = match(NAME, at + 2) ?? '';
      const close = match(/\s*>/y, at + 2 + name.length);
      if (name === '' || close === undefined) fail(at, 'a closing tag that is broken');
      if (parent === undefined) return fail(at, `</${name}> without an opening tag`);
      if (parent.name !== name) {
        fail(at, `expected </${parent.name}> (opened on line ${parent.line}), found </${name}>`);
      }
      parent.text = parent.text.trim();
      open.pop();
      at += 2 + name.length + close!.length;
    } else {
      const name = match(NAME, at + 1);
      if (name === undefined) return fail(at, 'expected the name of an element after "<"');
      if (parent === undefined && root !== undefined) fail(at, `a second root element, <${name}>`);
      const element: XmlElement = { name, children: [], text: '', ...placeOf(at) };
      let next = at + 1 + name.length;
      for (let found = match(ATTRIBUTE, next); found !== undefined; found = match(ATTRIBUTE, next)) {
        next += found.length;
      }
      const close = match(/\s*\/?>/y, next);
      if (close === undefined) return fail(at, `the tag <${name}> is broken`);
      parent?.children.push(element);
      root ??= element;
      if (!close.endsWith('/>')) open.push(element);
      at = next + close.length;
    }
  }
  const unclosed = open.at(-1);
  if (unclosed) {
    return fail(text.length, `expected </${unclosed.name}> (opened on line ${unclosed.line}), found the end`);
  }
  return root ?? fail(text.length, 'no element');
}

/** The children with this name. */
export const childrenOf = (element: XmlElement, name: string): XmlElement[] =>
  element.children.filter((child) => child.name === name);

/** An element as text on one line. Attributes are not kept by `parseXml`. */
export const formatElement = ({ name, text, children }: XmlElement): string =>
  `<${name}>${escapeText(text)}${children.map(formatElement).join('')}</${name}>`;

/** Escapes text for between tags. */
export const escapeText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
