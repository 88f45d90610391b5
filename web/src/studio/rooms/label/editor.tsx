import { type ReadonlySignal, useSignal } from '@preact/signals';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { acceptProposals, type Step } from '../../project/edits.ts';
import { strings } from '../../strings.ts';
import { ClassesPanel } from './classes.tsx';
import { describeObject, describeStep } from './describe.ts';
import { Help } from './help.tsx';
import { chooseClass, deleteChosen, KeyInput, undoOn } from './keyboard.ts';
import './label.css';
import './panels.css';
import { ObjectList } from './objects.tsx';
import { PointerInput } from './pointer.ts';
import { Stage } from './stage.ts';
import { Toolbar } from './toolbar.tsx';
import type { EditorProps } from './types.ts';

const texts = strings.label;

interface StatusProps {
  readonly said: ReadonlySignal<string>;
  /** What the tool does, until there is something to say. */
  readonly hint: string;
}

/** What was done last, seen and heard. Only this is drawn again when something is said. */
const Status = ({ said, hint }: StatusProps) => (
  <p class="label-status" role="status">
    {said.value || hint}
  </p>
);

/** Labels one picture: the picture with its tools, its classes and its objects. Everything it shows is given to it. */
export function Editor(props: EditorProps) {
  const said = useSignal('');
  const zoom = useSignal(1);
  const help = useRef<HTMLDialogElement>(null);
  const restCanvas = useRef<HTMLCanvasElement>(null);
  const topCanvas = useRef<HTMLCanvasElement>(null);
  const element = useRef<HTMLDivElement>(null);
  const stageRef = useRef<Stage>(null);
  const pointerRef = useRef<PointerInput>(null);
  const keysRef = useRef<KeyInput>(null);
  const picture = useMemo(() => ({ width: props.width, height: props.height }), [props.width, props.height]);

  const announce = (text: string) => {
    said.value = text;
  };
  const describe = (step: Step) => describeStep(step, props.classes, picture);
  const inputs: EditorProps = {
    ...props,
    onEdit(step) {
      if (props.readOnly) {
        announce(texts.readOnly);
        return;
      }
      announce(describe(step));
      props.onEdit(step);
    },
    onTool(tool) {
      announce('');
      props.onTool(tool);
    },
    onUndo() {
      if (!props.undoStep || props.readOnly) return;
      announce(texts.undone(describe(props.undoStep)));
      props.onUndo();
    },
    onRedo() {
      if (!props.redoStep || props.readOnly) return;
      announce(texts.redone(describe(props.redoStep)));
      props.onRedo();
    },
  };
  const openHelp = () => help.current?.showModal();

  // What lives as long as the canvases do; later props come by `update`.
  useLayoutEffect(() => {
    const holder = element.current!;
    const stage = new Stage(inputs, restCanvas.current!, topCanvas.current!, {
      announce,
      onView: ({ scale }) => {
        zoom.value = scale;
      },
    });
    const pointer = new PointerInput(stage, holder);
    stageRef.current = stage;
    pointerRef.current = pointer;
    keysRef.current = new KeyInput(stage, openHelp);
    const observer = new ResizeObserver(() => {
      stage.resize({ width: holder.clientWidth, height: holder.clientHeight });
    });
    observer.observe(holder);
    return () => {
      observer.disconnect();
      pointer.close();
      stage.close();
    };
  }, []);
  // At once: a key that comes between a render and a later effect would meet old objects.
  useLayoutEffect(() => {
    stageRef.current?.update(inputs);
    pointerRef.current?.showCursor();
  });

  const setPanKey = (held: boolean) => {
    if (!pointerRef.current) return;
    pointerRef.current.panKey = held;
    pointerRef.current.showCursor();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === ' ') setPanKey(true);
    else if (event.key === 'Enter' && event.repeat) return;
    else if (!keysRef.current?.press(event)) return;
    event.preventDefault();
  };
  /** Beside the picture, keys that buttons and lists do not use do the same as on it. */
  const onKeyBeside = (event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    if (event.defaultPrevented || target.closest('input, select, dialog, .label-canvas')) return;
    if (event.key.length === 1 && event.key !== ' ' && keysRef.current?.press(event)) event.preventDefault();
  };
  const withStage = (act: (stage: Stage) => void) => () => {
    if (stageRef.current) act(stageRef.current);
  };
  const select = (id: string) => {
    const object = props.objects.find((one) => one.id === id);
    // Chosen once more, it is what the keys move.
    if (object && id === props.selected) element.current?.focus();
    if (object) announce(texts.selected(describeObject(object, props.classes, picture)));
    props.onSelect(id);
  };
  const proposals = props.objects.filter(({ score }) => score !== undefined);

  return (
    <section class="label-editor" aria-label={texts.editor} onKeyDown={onKeyBeside}>
      <Toolbar
        {...inputs}
        zoom={zoom}
        onUndo={withStage(undoOn)}
        onRemove={withStage(deleteChosen)}
        onZoom={(factor) => stageRef.current?.zoom(factor)}
        onFit={withStage((stage) => stage.fit())}
        onHelp={openHelp}
      />
      <div class="label-stage">
        <div
          ref={element}
          class="label-canvas"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes the keyboard
          tabIndex={0}
          role="application"
          aria-label={`${texts.stage}. ${texts.stageHint}`}
          onKeyDown={onKeyDown}
          onKeyUp={(event) => event.key === ' ' && setPanKey(false)}
          onBlur={() => setPanKey(false)}
        >
          <canvas ref={restCanvas} class="label-rest" />
          <canvas ref={topCanvas} class="label-top" />
        </div>
        <Status said={said} hint={texts.toolHint[props.tool]} />
      </div>
      <div class="label-panels">
        <ClassesPanel
          classes={props.classes}
          current={props.currentClass}
          objects={props.objects}
          countOf={props.countOf}
          onChoose={(id) => stageRef.current && chooseClass(stageRef.current, id)}
          onClasses={(edit) => (props.readOnly ? announce(texts.readOnly) : props.onClasses(edit))}
        />
        <ObjectList
          objects={props.objects}
          classes={props.classes}
          selected={props.selected}
          picture={picture}
          proposals={proposals.length}
          onSelect={select}
          onRemove={withStage(deleteChosen)}
          onAccept={(ids) =>
            inputs.onEdit(acceptProposals(props.objects, ids ?? proposals.map(({ id }) => id)))
          }
        />
      </div>
      <Help dialog={help} />
    </section>
  );
}
