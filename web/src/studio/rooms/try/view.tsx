import { useEffect, useMemo, useRef } from 'preact/hooks';
import { project } from '../../state.ts';
import { strings } from '../../strings.ts';
import { colorsOf, draw, type Numbered, numbered, tintOfMap, tintsOfMasks } from './draw.ts';
import type { TrySession } from './session.ts';

const texts = strings.try;

/** Of the window's height, for the picture. */
const SHARE = 0.72;
const LEAST_HEIGHT = 240;

/** What of the detections the threshold lets through, and the colours of all classes. */
export function useFound({ found, threshold, model }: TrySession): {
  readonly all: readonly Numbered[];
  readonly visible: readonly Numbered[];
  readonly colorOf: (name: string) => string;
} {
  const now = found.value;
  const classes = project.value?.classes ?? [];
  const names = model.value?.what?.classNames;
  const colorOf = useMemo(() => colorsOf(names ?? [], classes), [names, classes]);
  const all = useMemo(() => (now ? numbered(now, colorOf) : []), [now, colorOf]);
  const visible = all.filter(({ score }) => score >= threshold.value);
  return { all, visible, colorOf };
}

/** The picture with what was found in it. */
export function View({ session }: { readonly session: TrySession }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const shown = session.shown.value;
  const found = session.found.value;
  const { all, visible, colorOf } = useFound(session);
  const map = useMemo(() => found && tintOfMap(found, colorOf), [found, colorOf]);
  const masks = useMemo(() => tintsOfMasks(all), [all]);
  const opacity = session.opacity.value;

  useEffect(() => {
    const own = canvas.current!;
    const show = () => {
      const width = own.parentElement?.clientWidth ?? 0;
      // The bitmap of what is no longer shown is closed.
      if (!shown || shown !== session.shown.peek() || width === 0) return;
      const tints = [...(map ? [map] : []), ...visible.flatMap(({ number }) => masks.get(number) ?? [])];
      const height = Math.max(LEAST_HEIGHT, innerHeight * SHARE);
      draw(own, shown, { marks: visible, tints, opacity }, { width, height });
    };
    show();
    // In a frame of its own: drawing sets the canvas' size, which the observer would report as a loop.
    const observer = new ResizeObserver(() => requestAnimationFrame(show));
    observer.observe(own.parentElement!);
    return () => observer.disconnect();
  });

  if (!shown) return null;
  const { name, width, height } = shown;
  const summary = found && texts.summary(found.task, visible.length, all.length, session.threshold.value);
  return (
    <figure class="try-view">
      <canvas ref={canvas} role="img" aria-label={summary ? `${name}: ${summary}` : name} />
      <figcaption>{[name, texts.size(width, height), summary].filter(Boolean).join(' · ')}</figcaption>
    </figure>
  );
}
