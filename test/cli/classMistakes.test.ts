import { expect, it } from 'vitest';
import { ClassMistakes } from '../../cli/src/classMistakes.ts';
import { galleryHtml } from '../../cli/src/gallery.ts';

it('has the images of wrong classes, worst first, and confused pairs as cells that choose them', async () => {
  const mistakes = new ClassMistakes(['cat', 'dog', 'eel'], 2);
  const image = { width: 2, height: 2, channels: 3 as const, data: new Float32Array(12) };
  const cases: [string, string, number[]][] = [
    ['right', 'cat', [0.8, 0.1, 0.1]],
    ['near', 'cat', [0.4, 0.6, 0]],
    ['far', 'cat', [0.1, 0.9, 0]],
    ['other', 'eel', [0.9, 0, 0.1]],
    ['worst', 'dog', [1, 0, 0]],
  ];
  for (const [index, [name, label, shares]] of cases.entries()) {
    const probabilities = Float32Array.from(shares);
    await mistakes.add({ index, sample: { name, image, label }, probabilities });
  }
  const { gallery } = mistakes;
  expect(gallery.items.map(({ title, notes }) => [title, notes])).toEqual([
    ['worst', ['cat 1.00', 'dog 0.00']],
    ['far', ['dog 0.90', 'cat 0.10']],
  ]);
  expect(gallery.note).toContain('2 of 4 images with errors');
  expect([...Array.from(gallery.matrix!.counts)]).toEqual([0, 2, 0, 1, 0, 0, 1, 0, 0]);
  const html = galleryHtml(gallery);
  expect(html).toContain('title="cat, taken for dog">2</button>');
  expect(html).toContain('title="dog, taken for cat">1</button>');
});
