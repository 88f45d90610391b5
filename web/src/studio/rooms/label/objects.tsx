import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { LabelClass, LabelObject } from '../../project/model.ts';
import type { Size } from '../../project/viewport.ts';
import { strings } from '../../strings.ts';
import { describeShape, nameOf } from './describe.ts';

const texts = strings.label;

/** All rows are as high, so that of 5,000 only those that are seen need be there. Also in label.css. */
const ROW = 52;
const SPARE = 4;

interface ObjectListProps {
  readonly objects: readonly LabelObject[];
  readonly classes: readonly LabelClass[];
  readonly selected: string;
  readonly picture: Size;
  readonly proposals: number;
  onSelect(id: string): void;
  onRemove(): void;
  /** Accepts proposals; all without ids. */
  onAccept(ids?: readonly string[]): void;
}

/** The objects in words. One row is in the order of Tab: the chosen one, or the first; arrow keys go to the others. */
export function ObjectList(props: ObjectListProps) {
  const { objects, classes, selected, picture } = props;
  const list = useRef<HTMLUListElement>(null);
  const [seen, setSeen] = useState({ top: 0, height: 400 });
  const focusNext = useRef(false);
  const at = objects.findIndex(({ id }) => id === selected);
  const first = Math.max(0, Math.floor(seen.top / ROW) - SPARE);
  const last = Math.min(objects.length, Math.ceil((seen.top + seen.height) / ROW) + SPARE);
  const tabStop = at >= first && at < last ? at : first;

  useEffect(() => {
    const element = list.current!;
    const look = () => setSeen({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener('scroll', look);
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, []);
  useEffect(() => {
    const element = list.current!;
    if (at < 0) return;
    const { scrollTop, clientHeight } = element;
    if (at * ROW < scrollTop) element.scrollTop = at * ROW;
    else if ((at + 1) * ROW > scrollTop + clientHeight) element.scrollTop = (at + 1) * ROW - clientHeight;
  }, [at]);
  useLayoutEffect(() => {
    if (!focusNext.current) return;
    const button = list.current!.querySelector<HTMLButtonElement>('[aria-pressed="true"]');
    if (!button) return;
    focusNext.current = false;
    button.focus();
  });

  const onKeyDown = (event: KeyboardEvent) => {
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: objects.length - 1 }[event.key];
    const next = to === undefined ? undefined : objects[to];
    if (event.key === 'Delete') props.onRemove();
    else if (next) {
      focusNext.current = true;
      props.onSelect(next.id);
    } else if (to === undefined) return;
    event.preventDefault();
  };

  return (
    <section class="label-panel label-objects" aria-labelledby="label-objects">
      <h2 id="label-objects">
        {texts.objectList}
        {objects.length > 0 && <small>{objects.length.toLocaleString('en')}</small>}
      </h2>
      {props.proposals > 0 && (
        <button type="button" onClick={() => props.onAccept()}>
          {texts.acceptAll(props.proposals)}
        </button>
      )}
      {objects.length === 0 && <p class="label-none">{texts.noObjects}</p>}
      <ul ref={list} onKeyDown={onKeyDown} hidden={objects.length === 0}>
        <li aria-hidden="true" class="label-space" style={{ height: `${first * ROW}px` }} />
        {objects.slice(first, last).map((object, i) => (
          <li key={object.id} aria-setsize={objects.length} aria-posinset={first + i + 1}>
            <button
              type="button"
              class="label-row"
              aria-pressed={object.id === selected}
              tabIndex={first + i === tabStop ? 0 : -1}
              onClick={() => props.onSelect(object.id)}
            >
              <Swatch color={classes.find(({ id }) => id === object.classId)?.color} />
              <span class="label-words">
                <span>{nameOf(classes, object.classId)}</span>{' '}
                <small>
                  {object.score !== undefined && `${texts.proposal(object.score)}, `}
                  {describeShape(object.shape, picture)}
                </small>
              </span>
            </button>
            {object.score !== undefined && (
              <button
                type="button"
                class="label-accept"
                aria-label={texts.acceptOne(nameOf(classes, object.classId))}
                onClick={() => props.onAccept([object.id])}
              >
                {texts.accept}
              </button>
            )}
          </li>
        ))}
        <li
          aria-hidden="true"
          class="label-space"
          style={{ height: `${(objects.length - Math.max(last, first)) * ROW}px` }}
        />
      </ul>
    </section>
  );
}

export const Swatch = ({ color }: { readonly color: string | undefined }) => (
  <span class="label-swatch" style={{ background: color ?? '#808080' }} />
);
