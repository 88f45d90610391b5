/** Text for an element or attribute of XML or HTML. */
export const escapeXml = (text: string): string =>
  String(text).replace(
    /[&<>"']/g,
    (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[c]!,
  );

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** A coordinate with at most two decimals: finer ones are not seen, and make files longer. */
export const px = (value: number): string => String(Math.round(value * 100) / 100);

/** An element of SVG as text. Attributes that are undefined are left out; `content` is put in as it is. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const list = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [` ${key}="${typeof value === 'number' ? px(value) : escapeXml(value)}"`],
  );
  return content === '' ? `<${name}${list.join('')}/>` : `<${name}${list.join('')}>${content}</${name}>`;
}

/** An element with a text in it. */
export const text = (content: string, attributes: Attributes): string =>
  element('text', attributes, escapeXml(content));
