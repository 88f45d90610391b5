import { annotationOverlay, colorAt, drawOverlay, type Overlay, type OverlayBox } from 'fovea/draw';
import { useEffect, useRef } from 'preact/hooks';
import type { JudgedBox, JudgedDetections } from '../../learn/judged.ts';
import { theRunner } from '../../learn/models.ts';
import { notifyError } from '../../notices.tsx';
import { annotationOf } from '../../project/convert.ts';
import type { Picture } from '../../project/model.ts';
import { pictures, project, theStore } from '../../state.ts';
import { strings } from '../../strings.ts';

const texts = strings.judge;

/** Pixels of a drawn picture's longer side. */
const SIDE = 480;
const RIGHT = '#009E73';
const WRONG = '#E8384F';
const IGNORED = '#8C959F';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** What is drawn on a picture, and the size that it refers to. */
export interface Drawing {
  readonly overlay: Overlay;
  readonly size: Size;
}
/** What is labelled, and what was found; only what is labelled where there is nothing to draw of the other. */
export type Drawings = () => Promise<readonly Drawing[]>;

/** Mistakes that are named in a picture: the names of more would cover it. */
const NAMED = 12;

/** A box: green where it is right; what is wrong is red and dashed, and says why. */
function boxOf({ box, label, score, verdict }: JudgedBox, isNamed: boolean): OverlayBox {
  if (verdict === 'right') return { box, color: RIGHT };
  if (verdict === 'ignored') return { box, color: IGNORED };
  const wrong = { box, color: WRONG, dashed: true };
  if (!isNamed) return wrong;
  const named = { ...wrong, label: `${label}: ${texts.kinds[verdict]}` };
  return score === undefined ? named : { ...named, score };
}

function boxesOf(boxes: readonly JudgedBox[]): OverlayBox[] {
  const wrong = boxes.filter(({ verdict }) => verdict !== 'right' && verdict !== 'ignored').length;
  return boxes.map((one) => boxOf(one, wrong <= NAMED));
}

/** Boxes as they are labelled and as they were found. */
export const detectionDrawings =
  ({ width, height, objects, found }: JudgedDetections): Drawings =>
  async () =>
    [objects, found].map((boxes) => ({
      overlay: { boxes: boxesOf(boxes) },
      size: { width, height },
    }));

/** The map of a picture as it is labelled, and as the model has it. */
export const mapDrawings =
  (model: string, picture: Picture, classNames: readonly string[]): Drawings =>
  async () => {
    const { objects } = await (await theStore()).labelsOf(picture.id);
    const annotation = annotationOf(picture, objects, project.value?.classes ?? []);
    const prediction = await theRunner().predict(model, picture.id);
    const truth = { overlay: annotationOverlay(annotation, { classNames }), size: picture };
    if (prediction.task !== 'segment') return [truth];
    const { labels, width, height } = prediction.map;
    const masks = classNames.map((_, i) => ({
      mask: labels.map((label) => Number(label === i + 1)),
      color: colorAt(i),
    }));
    return [truth, { overlay: { masks }, size: { width, height } }];
  };

/** A picture without anything on it. */
export const plainDrawings =
  (size: Size): Drawings =>
  async () => [{ overlay: {}, size }];

interface PairProps {
  readonly picture: Picture;
  readonly drawings: Drawings;
  /** What the drawings show, beside the picture: they are drawn anew where it changes. */
  readonly of: unknown;
  /** Undefined for one canvas. */
  readonly captions: readonly string[];
}

/** A picture as it is labelled beside it as the model sees it. */
export function Pair({ picture, drawings, of, captions }: PairProps) {
  const canvases = useRef<(HTMLCanvasElement | null)[]>([]);
  const { width, height } = picture;
  const scale = Math.min(1, SIDE / Math.max(width, height));
  const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  useEffect(() => {
    let left = false;
    const draw = async () => {
      const file = await (await theStore()).fileOf(picture);
      const bitmap = await createImageBitmap(file, {
        ...{ resizeWidth: w, resizeHeight: h, resizeQuality: 'high' },
      });
      // At once as it is: what was found may take a while.
      const show = (canvas: HTMLCanvasElement | null) => canvas?.getContext('2d')?.drawImage(bitmap, 0, 0);
      if (left) return;
      for (const canvas of canvases.current) show(canvas);
      const drawn = await drawings();
      if (left) return;
      for (const [i, { overlay, size }] of drawn.entries()) {
        const canvas = canvases.current[i];
        if (!canvas) continue;
        show(canvas);
        drawOverlay(canvas, overlay, { size: { width: size.width, height: size.height } });
      }
    };
    draw().catch((error) => {
      // A picture that was removed meanwhile is said in its place.
      if (!left && pictures.value.some(({ id }) => id === picture.id)) notifyError(error);
    });
    return () => {
      left = true;
    };
  }, [picture.id, of]);
  return (
    <span class="pair" aria-hidden="true">
      {captions.map((caption, i) => (
        <span key={caption} class="side">
          <canvas
            ref={(canvas) => {
              canvases.current[i] = canvas;
            }}
            width={w}
            height={h}
          />
          <small>{caption}</small>
        </span>
      ))}
    </span>
  );
}
