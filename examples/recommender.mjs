// A recommender without other people's choices: from a few likes to a ranking, by the embeddings of 60 images and their cosine, and with
// diversity. The images and embeddings are those of examples/recommend, which is the same as a page.
// Run: node examples/recommender.mjs
import { readFile } from 'node:fs/promises';
import { recommend } from 'fovea/similarity';
import { Random } from 'fovea/vision';

/** @type {{ labels: string[], embeddings: number[][] }} */
const { labels, embeddings } = JSON.parse(
  await readFile(new URL('recommend/items.json', import.meta.url), 'utf8'),
);
const items = {
  data: Float32Array.from(embeddings.flat()),
  shape: [embeddings.length, embeddings[0].length],
};

/** @param {string} who @param {import('fovea/similarity').Preferences} preferences @param {number} lambda */
function show(who, preferences, lambda) {
  const found = recommend(items, preferences, { k: 10, lambda });
  console.log(
    `${who}, lambda ${lambda}: ${found.map(({ index }) => `${labels[index]} ${index}`).join(', ')}`,
  );
}
const frogs = labels.flatMap((label, i) => (label === 'frog' ? [i] : []));
const cars = labels.flatMap((label, i) => (label === 'car' ? [i] : []));
show('nobody known yet', {}, 0.5);
show('two frogs are liked', { likes: frogs.slice(0, 2) }, 1);
show('two frogs are liked', { likes: frogs.slice(0, 2) }, 0.5);
show('and two cars are not', { likes: frogs.slice(0, 2), dislikes: cars.slice(0, 2) }, 1);

// How good is it? Persons who like two of the five kinds, and say so of some images that they are shown: what share of the ten
// recommended images do they like? By chance it is two fifths.
const kinds = [...new Set(labels)];
/** @param {number} shown @param {number} lambda */
function share(shown, lambda) {
  let [liked, all] = [0, 0];
  for (let person = 0; person < 200; person++) {
    const random = new Random('persons').fork(person);
    const taste = random.shuffle([...kinds]).slice(0, 2);
    const seen = random.shuffle([...labels.keys()]).slice(0, shown);
    const likes = seen.filter((i) => taste.includes(labels[i]));
    const dislikes = seen.filter((i) => !taste.includes(labels[i]));
    for (const { index } of recommend(items, { likes, dislikes }, { k: 10, lambda })) {
      liked += Number(taste.includes(labels[index]));
      all++;
    }
  }
  return liked / all;
}
for (const shown of [2, 5, 10]) {
  const [alone, diverse] = [share(shown, 1), share(shown, 0.5)];
  console.log(`${shown} opinions: ${alone.toFixed(2)} are liked, ${diverse.toFixed(2)} with diversity`);
}
