import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from 'yaml';
import { BadData } from '../../faults.ts';

/** A value in data.yaml: a text, a list of texts, or texts by key (classes by number). */
export type YamlValue = string | string[] | Map<string, string>;

const FIX = 'write it as "names: [first, second]"';

/**
 * Reads the values of a data.yaml file: keys at the first level, each with a text, a list of texts, or a map one level deep.
 * Everything is text. Other values (lists of lists, …) are left out.
 *
 * @throws DataError, one line with file and line number, for text that is not YAML, and for a document that is not a map.
 */
export function parseDataYaml(text: string, file: string): Map<string, YamlValue> {
  const fail = (at: number, problem: string): never => {
    const line = text.slice(0, at).split('\n').length;
    throw new BadData('structure', `${file}: line ${line}: ${problem}; ${FIX}`);
  };
  const { document, targets } = parse(text, file, fail);
  const { contents } = document;
  if (!isMap(contents)) throw new BadData('structure', `${file}: is not a list of "key: value"; ${FIX}`);
  // Aliases are as good as what they stand for.
  const resolve = (node: unknown): unknown => (isAlias(node) ? targets.get(node) : node);
  const scalar = (node: unknown): string | undefined => {
    const found = resolve(node);
    return found === null || found === undefined
      ? ''
      : isScalar(found)
        ? String(found.value ?? '')
        : undefined;
  };
  const texts = (nodes: readonly unknown[]): string[] | undefined => {
    const found = nodes.map(scalar);
    return found.every((item) => item !== undefined) ? found : undefined;
  };
  const values = new Map<string, YamlValue>();
  for (const { key, value } of contents.items as Pair<Node, Node>[]) {
    const name = scalar(key);
    const node = resolve(value);
    if (name === undefined) continue;
    if (isSeq(node)) {
      const list = texts(node.items);
      if (list) values.set(name, list);
    } else if (isMap(node)) {
      const keys = texts(node.items.map((item) => item.key));
      const entries = texts(node.items.map((item) => item.value));
      if (keys && entries) values.set(name, new Map(keys.map((item, i) => [item, entries[i]!])));
    } else values.set(name, scalar(node) ?? '');
  }
  return values;
}

/** Parses a text; finds what its aliases stand for, and keys that occur twice, in one pass: the library asks each alias and each key. */
function parse(
  text: string,
  file: string,
  fail: (at: number, problem: string) => never,
): { readonly document: Document; readonly targets: ReadonlyMap<Alias, Node | undefined> } {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node | undefined>();
  try {
    const document = parseDocument(text, {
      schema: 'failsafe',
      prettyErrors: false,
      logLevel: 'silent',
      uniqueKeys: false,
    });
    const [error] = document.errors;
    if (error?.code === 'RESOURCE_EXHAUSTION') throw new RangeError(error.message);
    if (error) fail(error.pos[0], error.message.split('\n')[0]!.replace(/[.:]$/, ''));
    visit(document, {
      Node(_, node) {
        if (isAlias(node)) targets.set(node, anchors.get(node.source));
        else if (node.anchor) anchors.set(node.anchor, node);
        if (!isMap(node)) return;
        const known = new Set<unknown>();
        for (const { key } of node.items) {
          if (!isScalar(key)) continue;
          if (known.has(key.value)) fail(key.range![0], 'Map keys must be unique');
          known.add(key.value);
        }
      },
    });
    return { document, targets };
  } catch (error) {
    // Reading a level takes a part of the stack.
    if (!(error instanceof RangeError)) throw error;
    throw new BadData('structure', `${file}: its lists and maps are nested too deep to be read; ${FIX}`, {
      cause: error,
    });
  }
}
