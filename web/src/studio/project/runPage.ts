/** A page of a few lines that runs a model: something to begin with, for a site of one's own. */
import { escapeXml } from 'fovea/draw';
import type { ProjectTask } from './model.ts';

/** What is done with a picture, and how its result is shown. */
const RUN: Readonly<Record<ProjectTask, { readonly open: string; readonly show: readonly string[] }>> = {
  detect: {
    open: 'model.detector(await openGpu())',
    show: [
      'const found = await runner.detect(image, { scoreThreshold: 0.5 });',
      'drawOverlay(canvas, detectionOverlay(found, image, { classNames: model.classNames }));',
      "say(found.length + ' found');",
    ],
  },
  segment: {
    open: 'model.segmenter(await openGpu())',
    show: [
      'const { labels } = await runner.segment(image);',
      'const maskOf = (name, i) => ({ mask: labels.map((label) => label === i + 1), color: colorAt(i) });',
      'drawOverlay(canvas, { masks: model.classNames.map(maskOf) });',
      "say([...new Set(labels)].filter((label) => label > 0).map((label) => model.classNames[label - 1]).join(', '));",
    ],
  },
  classify: {
    open: 'model.classifier(await openGpu())',
    show: [
      'const [best] = await runner.classify(image);',
      "say(best.label + ', ' + Math.round(100 * best.score) + ' %');",
    ],
  },
};

const DRAWING: Readonly<Record<ProjectTask, string>> = {
  detect: ', detectionOverlay, drawOverlay',
  segment: ', colorAt, drawOverlay',
  classify: '',
};

/** A text as a literal of JavaScript in a page. */
const literal = (text: string): string => JSON.stringify(text).replaceAll('<', '\\u003c');

/**
 * The page.
 *
 * @param file The name of the model's file, beside the page and `fovea.js`: letters, digits and dots.
 * @param arch torchvision's name of the architecture, for files that do not tell it.
 */
export function runPage(title: string, task: ProjectTask, file: string, arch?: string): string {
  const { open, show } = RUN[task];
  const options = arch === undefined ? '' : `, { arch: ${literal(arch)} }`;
  const name = escapeXml(title);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name}</title>
<link rel="icon" href="data:,">
<style>:root { color-scheme: light dark } body { font: 1rem/1.5 sans-serif; max-width: 60rem; margin: auto; padding: 1rem } canvas { max-width: 100% }</style>
<h1>${name}</h1>
<p><label>Picture: <input type="file" accept="image/*" disabled></label></p>
<p role="status">This page needs a web server: run "npx serve" or "python3 -m http.server" in its folder.</p>
<canvas width="0" height="0" role="img" aria-label="The picture with what was found"></canvas>
<script type="module">
  import { imageFromBytes, openGpu, openModel${DRAWING[task]} } from './fovea.js';
  const [canvas, input, status] = ['canvas', 'input', '[role=status]'].map((name) => document.querySelector(name));
  const say = (text) => { status.textContent = text; };
  for (const kind of ['error', 'unhandledrejection']) {
    window.addEventListener(kind, ({ error, reason }) => say((error ?? reason).message));
  }
  say('Loading the model …');
  const file = await (await fetch('./${file}')).arrayBuffer();
  const model = await openModel(new Uint8Array(file)${options});
  const runner = ${open};
  input.disabled = false;
  say('Choose a picture: it stays on this machine.');
  input.addEventListener('change', async () => {
    const bitmap = await createImageBitmap(input.files[0]);
    Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
    const context = canvas.getContext('2d');
    context.drawImage(bitmap, 0, 0);
    const image = imageFromBytes(context.getImageData(0, 0, canvas.width, canvas.height).data, bitmap);
    say('Looking …');
    ${show.join('\n    ')}
  });
</script>
`;
}
