import { computed, type ReadonlySignal, signal } from '@preact/signals';
import { applyClassEdit, type ClassEdit } from '../../project/classes.ts';
import {
  applyStep,
  type EditHistory,
  redo,
  removeClass,
  startHistory,
  takeStep,
  undo,
} from '../../project/edits.ts';
import type { LabelClass, LabelObject } from '../../project/model.ts';
import { BRUSH, type EditorProps, type Tool } from './types.ts';

/** All that the editor is given, but for the picture. */
export type EditorState = Omit<EditorProps, 'image' | 'width' | 'height' | 'countOf'>;

export interface LabelState {
  /** To be spread over `<Editor>`. */
  readonly props: ReadonlySignal<EditorState>;
  readonly objects: ReadonlySignal<readonly LabelObject[]>;
  readonly classes: ReadonlySignal<readonly LabelClass[]>;
  /** Takes classes that were changed elsewhere. */
  takeClasses(classes: readonly LabelClass[]): void;
  /** Another picture: its objects, and no history. */
  open(objects: readonly LabelObject[]): void;
}

/**
 * The state of the editor, kept in signals. Whoever stores it watches `objects` and `classes`; `onClasses` is told of edits of the classes,
 * which concern all pictures. `firstTool` is the one that is chosen at first.
 */
export function createLabelState(
  objects: readonly LabelObject[],
  classes: readonly LabelClass[],
  onClasses: (edit: ClassEdit) => void = () => {},
  firstTool: Tool = 'select',
): LabelState {
  const history = signal<EditHistory>(startHistory(objects));
  const known = signal(classes);
  const chosenClass = signal(classes[0]?.id ?? '');
  const tool = signal<Tool>(firstTool);
  const selected = signal('');
  const brushSize = signal<number>(BRUSH.start);
  const handlers = {
    onEdit(step) {
      history.value = takeStep(history.peek(), step);
    },
    onUndo() {
      history.value = undo(history.peek());
    },
    onRedo() {
      history.value = redo(history.peek());
    },
    onSelect(id) {
      selected.value = id;
    },
    onTool(next) {
      tool.value = next;
    },
    onCurrentClass(id) {
      chosenClass.value = id;
    },
    onBrushSize(size) {
      brushSize.value = size;
    },
    onClasses(edit) {
      if (edit.kind === 'remove') {
        // Undoing would bring back objects of a class that is no more: the history begins anew.
        const { objects } = history.peek();
        history.value = startHistory(applyStep(objects, removeClass(objects, edit.id, edit.to)));
        if (!history.peek().objects.some(({ id }) => id === selected.peek())) selected.value = '';
        if (chosenClass.peek() === edit.id) {
          chosenClass.value = edit.to ?? known.peek().find(({ id }) => id !== edit.id)?.id ?? '';
        }
      }
      known.value = applyClassEdit(known.peek(), edit);
      onClasses(edit);
    },
  } satisfies Partial<EditorState>;
  return {
    objects: computed(() => history.value.objects),
    classes: known,
    props: computed(() => ({
      ...handlers,
      objects: history.value.objects,
      undoStep: history.value.past?.step,
      redoStep: history.value.future?.step,
      classes: known.value,
      currentClass: chosenClass.value,
      tool: tool.value,
      selected: selected.value,
      brushSize: brushSize.value,
    })),
    takeClasses(next) {
      known.value = next;
    },
    open(next) {
      history.value = startHistory(next);
      selected.value = '';
    },
  };
}
