/** The pictures that are labelled one after another: their labels are loaded, and stored as they change. */
import { computed, effect, signal } from '@preact/signals';
import { notifyError } from '../../notices.tsx';
import { bitmapOf } from '../../project/bitmap.ts';
import type { ClassEdit } from '../../project/classes.ts';
import { countClasses, totalCounts } from '../../project/counts.ts';
import { applyStep, removeClass } from '../../project/edits.ts';
import type { LabelObject, Picture, Point } from '../../project/model.ts';
import { leaving, pictures, project, readOnly, saveClasses, saveLabels, theStore } from '../../state.ts';
import { expectLabels } from '../../store/journal.ts';
import { createLabelState } from './state.ts';
import type { Tool } from './types.ts';

/** A picture that is shown. */
export interface Shown {
  readonly picture: Picture;
  readonly image: ImageBitmap;
}

/** Labels on their way to the store: of one picture, the last ones win. */
class Saver {
  #waiting: { readonly picture: string; readonly objects: readonly LabelObject[] } | undefined;
  #running: Promise<void> | undefined;

  /** Stores labels as soon as those before them are stored. */
  save(picture: string, objects: readonly LabelObject[]): void {
    // Also while it waits for its turn: the page may end.
    expectLabels(picture, objects);
    this.#waiting = { picture, objects };
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    while (this.#waiting) {
      const { picture, objects } = this.#waiting;
      this.#waiting = undefined;
      await saveLabels(picture, objects);
    }
    this.#running = undefined;
  }

  /** When everything is stored. */
  async done(): Promise<void> {
    await this.#running;
  }
}

/** Who has labelled nothing yet wants to draw; others may want to look first. */
function firstTool(): Tool {
  if (pictures.value.some(({ objects }) => objects > 0)) return 'select';
  return project.value?.task === 'segment' ? 'polygon' : 'box';
}

export class LabelSession {
  readonly shown = signal<Shown | undefined>(undefined);
  readonly state = createLabelState(
    [],
    project.value?.classes ?? [],
    (edit) => this.#onClasses(edit),
    firstTool(),
  );
  /** The labels of the picture before, to be copied. */
  readonly before = signal<readonly LabelObject[]>([]);
  readonly #others = computed(() => {
    const own = this.shown.value?.picture.id;
    return totalCounts(pictures.value.filter(({ id }) => id !== own));
  });
  /** How many objects a class has in all pictures. */
  readonly countOf = computed(() => {
    const others = this.#others.value;
    const own = countClasses(this.state.objects.value);
    return (id: string) => (others.get(id) ?? 0) + (own.get(id) ?? 0);
  });
  /** Labels what a model finds at a place, where there is a model. */
  readonly onClickAt = signal<((at: Point) => void) | undefined>(undefined);
  readonly #saver = new Saver();
  /** The objects as they are stored, or on their way there. */
  #stored: readonly LabelObject[] = [];
  #wanted = '';
  readonly #stops: readonly (() => void)[];
  readonly #leave = () => this.#saver.done();

  constructor() {
    leaving.add(this.#leave);
    const save = effect(() => {
      const objects = this.state.objects.value;
      const shown = this.shown.peek();
      if (!shown || objects === this.#stored) return;
      this.#stored = objects;
      this.#saver.save(shown.picture.id, objects);
    });
    const follow = effect(() => {
      if (readOnly.value && project.value) this.state.takeClasses(project.value.classes);
    });
    this.#stops = [save, follow];
  }

  /** Shows another picture, once the labels of the one before are stored. */
  async open(picture: Picture): Promise<void> {
    this.#wanted = picture.id;
    try {
      await this.#saver.done();
      const store = await theStore();
      const [labels, file] = await Promise.all([store.labelsOf(picture.id), store.fileOf(picture)]);
      const image = await bitmapOf(file, picture);
      if (this.#wanted !== picture.id) return image.close();
      if (this.shown.value) this.before.value = this.state.objects.value;
      this.shown.value?.image.close();
      this.shown.value = undefined;
      this.#stored = labels.objects;
      this.state.open(labels.objects);
      this.shown.value = { picture, image };
    } catch (error) {
      notifyError(error);
    }
  }

  #onClasses(edit: ClassEdit): void {
    void saveClasses(this.state.classes.value).then(async () => {
      // The editor has changed this picture; the others have objects of the class, too.
      if (edit.kind !== 'remove') return;
      const own = this.shown.value?.picture.id;
      const store = await theStore();
      for (const { id, objects } of pictures.value) {
        if (id === own || objects === 0) continue;
        const labels = await store.labelsOf(id);
        const step = removeClass(labels.objects, edit.id, edit.to);
        if (step.changes.length > 0) await saveLabels(id, applyStep(labels.objects, step));
      }
    }, notifyError);
  }

  /** Ends the session, once everything is stored. */
  async close(): Promise<void> {
    this.#wanted = '';
    for (const stop of this.#stops) stop();
    await this.#saver.done();
    leaving.delete(this.#leave);
    this.shown.value?.image.close();
  }
}
