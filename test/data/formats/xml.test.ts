import { describe, expect, it } from 'vitest';
import { childrenOf, escapeText, parseXml, type XmlElement } from '../../../src/data/formats/voc/xml.ts';

const parse = (text: string): XmlElement => parseXml(text, 'a.xml', 'save it again');

const fault = (text: string): string => {
  try {
    parse(text);
  } catch (error) {
    return (error as Error).message;
  }
  return 'no fault';
};

describe('parseXml', () => {
  it('reads elements, attributes, text, entities, comments and CDATA', () => {
    const root = parse(`\uFEFF<?xml version="1.0" encoding="utf-8"?>
<!-- a comment with <tags> -->
<annotation verified="yes" note='a > b'>
  <name> cat &amp; &lt;dog&gt; &#65;&#x1F600; </name>
  <name><![CDATA[<raw> & ]]></name>
  <empty/><empty />
  <a.b-c_d:e>1</a.b-c_d:e>
</annotation>
<!-- and at the end -->
`);
    expect(root.name).toBe('annotation');
    expect(childrenOf(root, 'name').map(({ text }) => text)).toEqual(['cat & <dog> A😀', '<raw> &']);
    expect(childrenOf(root, 'empty')).toHaveLength(2);
    expect(root.children.map(({ name, line, column }) => [name, line, column])).toEqual([
      ['name', 4, 3],
      ['name', 5, 3],
      ['empty', 6, 3],
      ['empty', 6, 11],
      ['a.b-c_d:e', 7, 3],
    ]);
  });

  it('reads back what escapeText writes', () => {
    const text = 'a < b && c > "d" \'e\' &amp;';
    expect(parse(`<a>${escapeText(text)}</a>`).text).toBe(text);
  });

  it.each([
    ['', 'a.xml: line 1, column 1: no element; save it again'],
    ['{"shapes": []}', 'line 1, column 1: expected an element, found "{\\"shapes\\": []}" outside of it'],
    ['<a>\n <b>\n </a>', 'line 3, column 2: expected </b> (opened on line 2), found </a>'],
    ['<a>\n<b>1</b>', 'line 2, column 9: expected </a> (opened on line 1), found the end'],
    ['<a></a><b/>', 'line 1, column 8: a second root element, <b>'],
    ['</a>', 'line 1, column 1: </a> without an opening tag'],
    ['<a><1/></a>', 'line 1, column 4: expected the name of an element'],
    ['<a x=1></a>', 'line 1, column 1: the tag <a> is broken'],
    ['<a>&nbsp;</a>', 'line 1, column 4: unknown entity &nbsp;'],
    ['<a>1 & 2</a>', 'line 1, column 6: an "&" by itself: write "&" as "&amp;"; '],
    ['<a>&#x110000;</a>', 'unknown entity &#x110000;'],
    ['<a><!-- 1</a>', 'line 1, column 4: a comment that does not end'],
    ['<a><![CDATA[1</a>', 'a CDATA section that does not end'],
    [
      '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
      'line 1, column 1: a document type (<!DOCTYPE …>), which could load other files: remove it; ',
    ],
    ['<a></a x>', 'line 1, column 4: a closing tag that is broken'],
    ['<a/>\n\ntext', 'line 3, column 1: expected an element, found "text" outside of it'],
  ])('%j is named with its place', (text, expected) => {
    expect(fault(text)).toContain(expected);
  });
});
