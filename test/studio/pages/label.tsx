/**
 * The editor with a picture that it makes itself, for label.test.ts. In the address: `width` and `height` of the picture, how many `boxes`,
 * `classes` or `proposals` there are.
 */
import { render } from 'preact';
import { newClass } from '../../../web/src/studio/project/classes.ts';
import type { LabelClass, LabelObject } from '../../../web/src/studio/project/model.ts';
import { Editor } from '../../../web/src/studio/rooms/label/editor.tsx';
import { createLabelState, type LabelState } from '../../../web/src/studio/rooms/label/state.ts';

declare global {
  interface Window {
    readonly label: LabelState;
    /** How often each layer was cleared, which it is once for each drawing; and how wide the picture was that was drawn last. */
    readonly drawings: Record<string, number>;
  }
}

const asked = new URLSearchParams(location.search);
const number = (name: string, otherwise: number) => Number(asked.get(name) ?? otherwise);
const [width, height] = [number('width', 640), number('height', 480)];

const drawings: Record<string, number> = {};
const { clearRect } = CanvasRenderingContext2D.prototype;
CanvasRenderingContext2D.prototype.clearRect = function (...box) {
  const name = (this.canvas as HTMLCanvasElement).className;
  drawings[name] = (drawings[name] ?? 0) + 1;
  clearRect.apply(this, box);
};

const { drawImage } = CanvasRenderingContext2D.prototype;
CanvasRenderingContext2D.prototype.drawImage = function (...all: unknown[]) {
  drawings['source width'] = (all[0] as ImageBitmap).width;
  (drawImage as (...all: unknown[]) => void).apply(this, all);
};

/** Discs on a ground that goes from dark to light. */
function makePicture(): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d')!;
  const ground = context.createLinearGradient(0, 0, width, height);
  ground.addColorStop(0, '#20262e');
  ground.addColorStop(0.5, '#8d7a5e');
  ground.addColorStop(1, '#f2efe8');
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height);
  for (let i = 0; i < 24; i++) {
    const [x, y] = [((i % 6) + 0.5) * (width / 6), (Math.floor(i / 6) + 0.5) * (height / 4)];
    context.fillStyle = `hsl(${i * 15} 45% ${35 + (i % 5) * 8}%)`;
    context.beginPath();
    context.arc(x, y, Math.min(width, height) / 12, 0, 2 * Math.PI);
    context.fill();
  }
  return canvas;
}

let classes: readonly LabelClass[] = [];
for (const name of ['coin', 'button', 'a class of a long name, as there are many'].slice(
  0,
  number('classes', 3),
)) {
  classes = [...classes, newClass(classes, name, name)];
}
const boxes = number('boxes', 0);
const across = Math.ceil(Math.sqrt(boxes));
const objects = Array.from({ length: boxes }, (_, i): LabelObject => {
  const [cellWidth, cellHeight] = [width / across, height / across];
  const [x, y] = [(i % across) * cellWidth, Math.floor(i / across) * cellHeight];
  return {
    id: `box ${i}`,
    classId: classes[i % classes.length]!.id,
    shape: {
      kind: 'box',
      box: [x + 0.1 * cellWidth, y + 0.1 * cellHeight, x + 0.9 * cellWidth, y + 0.9 * cellHeight],
    },
    ...(i < number('proposals', 0) ? { score: 0.9 - i / 100 } : {}),
  };
});
const state = createLabelState(objects, classes);
Object.assign(window, { label: state, drawings });

const image = makePicture();
const Page = () => (
  <main id="content">
    <Editor {...state.props.value} image={image} width={width} height={height} />
  </main>
);
render(<Page />, document.getElementById('studio')!);
