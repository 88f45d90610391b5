/** What the editor is given and what it says; its state lives with whoever shows it. */
import type { ClassEdit } from '../../project/classes.ts';
import type { Step } from '../../project/edits.ts';
import type { LabelClass, LabelObject, Point } from '../../project/model.ts';

export const TOOLS = ['select', 'box', 'polygon', 'brush', 'eraser', 'point', 'click'] as const;
export type Tool = (typeof TOOLS)[number];

export interface EditorProps {
  /** The picture; one that is too large to decode may be given smaller than it is. */
  readonly image: ImageBitmap | HTMLCanvasElement;
  /** The picture's own size, in which all positions are. */
  readonly width: number;
  readonly height: number;
  readonly objects: readonly LabelObject[];
  readonly classes: readonly LabelClass[];
  /** The id of the class that new objects get; empty for none. */
  readonly currentClass: string;
  readonly tool: Tool;
  /** The id of the chosen object; empty for none. */
  readonly selected: string;
  /** The brush's diameter in pixels of the picture. */
  readonly brushSize: number;
  /** Another tab edits: objects can be looked at and chosen. */
  readonly readOnly?: boolean;
  /** What undo would take back and redo would take again; undefined where there is nothing. */
  readonly undoStep?: Step | undefined;
  readonly redoStep?: Step | undefined;
  /** How many objects a class has in all pictures; without it, in this one. */
  readonly countOf?: (classId: string) => number;
  onEdit(step: Step): void;
  onUndo(): void;
  onRedo(): void;
  onSelect(id: string): void;
  onTool(tool: Tool): void;
  onCurrentClass(id: string): void;
  onBrushSize(size: number): void;
  onClasses(edit: ClassEdit): void;
  /** Makes an object of what a model finds at a place; without it, the tool for it is not there. */
  onClickAt?: ((at: Point) => void) | undefined;
}

/** The brush's diameter, in pixels of the picture. */
export const BRUSH = { smallest: 1, largest: 400, start: 20 } as const;

/** The sizes that [ and ] go through: about a fifth more or less each time. */
export const brushStep = (size: number, larger: boolean): number => {
  const next = larger ? Math.max(size + 1, size * 1.2) : Math.min(size - 1, size / 1.2);
  return Math.round(Math.min(Math.max(next, BRUSH.smallest), BRUSH.largest));
};

/** How near is near enough, in CSS pixels: to hit something, and to have moved. Fingers are wider. */
export interface Precision {
  readonly reach: number;
  readonly slop: number;
}
export const MOUSE: Precision = { reach: 8, slop: 3 };
export const FINGER: Precision = { reach: 22, slop: 8 };
export const KEYS: Precision = { reach: 8, slop: 0 };
