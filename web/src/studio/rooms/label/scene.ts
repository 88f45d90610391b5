import type { LabelObject, Point } from '../../project/model.ts';
import type { SpatialGrid } from '../../project/spatial.ts';
import type { Size, Viewport } from '../../project/viewport.ts';
import type { Draft } from './draft.ts';
import type { EditorProps } from './types.ts';

/** What is to be seen: what drawing and picking read of the stage. */
export interface Scene {
  readonly inputs: EditorProps;
  readonly picture: Size;
  /** The view in CSS pixels. */
  readonly view: Size;
  readonly viewport: Viewport;
  readonly draft: Draft | undefined;
  /** Where the keyboard, or the pointer last, is: in pixels of the picture. */
  readonly crosshair: Point;
  /** The keyboard moved the crosshair last, so that it is shown. */
  readonly byKeys: boolean;
  /** A pointer is over the picture. */
  readonly pointing: boolean;
  /** The corner or vertex of the chosen object that keys move; -1 for none. */
  readonly handle: number;
  readonly grid: SpatialGrid;
  readonly selected: LabelObject | undefined;
  /** The object that is drawn on the upper layer: what is dragged or painted, or else what is chosen. */
  readonly liftedObject: LabelObject | undefined;
  readonly lifted: string;
  colorOf(classId: string): string;
  objectOf(id: string): LabelObject | undefined;
}
