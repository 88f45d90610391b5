/** S3's answers in XML. */
import { DOMParser } from 'linkedom';

interface Element {
  readonly localName: string;
  readonly children: Iterable<Element>;
  readonly textContent: string | null;
}

/** An element's children by their names. */
type Fields = ReadonlyMap<string, readonly Element[]>;

const fieldsOf = (element: Element): Fields => {
  const fields = new Map<string, Element[]>();
  for (const child of element.children) {
    const same = fields.get(child.localName);
    if (same) same.push(child);
    else fields.set(child.localName, [child]);
  }
  return fields;
};

const rootOf = (xml: string): Element | undefined =>
  (new DOMParser().parseFromString(xml, 'text/xml') as unknown as { documentElement: Element | null })
    .documentElement ?? undefined;

const textOf = (fields: Fields, name: string): string | undefined =>
  fields.get(name)?.[0]?.textContent ?? undefined;

/** `<Error><Code>…</Code><Message>…</Message></Error>`. */
export function parseError(xml: string): {
  readonly code: string;
  readonly message: string;
  readonly region: string | undefined;
} {
  const root = xml.trimStart().startsWith('<') ? rootOf(xml) : undefined;
  const fields: Fields = root?.localName === 'Error' ? fieldsOf(root) : new Map();
  const short = (text = ''): string => text.trim().slice(0, 200);
  return {
    code: short(textOf(fields, 'Code')).replace(/\W/g, ''),
    message: short(textOf(fields, 'Message')),
    region: textOf(fields, 'Region'),
  };
}

export interface Page {
  readonly keys: readonly string[];
  /** For the next page; undefined for the last. */
  readonly next: string | undefined;
}

/** A page of ListObjectsV2. Undefined for what is none. */
export function parsePage(xml: string): Page | undefined {
  const root = rootOf(xml);
  if (root?.localName !== 'ListBucketResult') return undefined;
  const fields = fieldsOf(root);
  const isEncoded = textOf(fields, 'EncodingType') === 'url';
  const decode = (text: string): string => (isEncoded ? decodeURIComponent(text.replaceAll('+', ' ')) : text);
  const keys = (fields.get('Contents') ?? []).map((one) => decode(textOf(fieldsOf(one), 'Key') ?? ''));
  const isCut = textOf(fields, 'IsTruncated') === 'true';
  return { keys, next: isCut ? textOf(fields, 'NextContinuationToken') : undefined };
}
