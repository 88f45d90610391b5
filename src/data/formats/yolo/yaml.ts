import { isMap, isScalar, isSeq, type Node, type Pair, parseDocument } from 'yaml';
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
  const document = parseDocument(text, { schema: 'failsafe', prettyErrors: false, logLevel: 'silent' });
  const [error] = document.errors;
  if (error) {
    const line = text.slice(0, error.pos[0]).split('\n').length;
    const problem = error.message.split('\n')[0]!.replace(/[.:]$/, '');
    throw new BadData('structure', `${file}: line ${line}: ${problem}; ${FIX}`);
  }
  const { contents } = document;
  if (!isMap(contents)) throw new BadData('structure', `${file}: is not a list of "key: value"; ${FIX}`);
  const resolve = (node: unknown): unknown => {
    // Aliases are as good as what they stand for.
    const target = (node as { resolve?(document: unknown): unknown } | null)?.resolve;
    return target ? target.call(node, document) : node;
  };
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
