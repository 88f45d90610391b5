/** What the room shows: a model, a picture or a frame, and what the model found in it. */
import { batch, computed, signal } from '@preact/signals';
import { describeError } from '../../../page.ts';
import type { Frame } from '../../learn/frames.ts';
import type { BroughtModel } from '../../learn/modelShelf.ts';
import { theRunner } from '../../learn/models.ts';
import type { Prediction } from '../../learn/predict.ts';
import { projectModels, refreshModels } from '../../learn/projectModels.ts';
import { askForAdapter } from '../../noGpu.tsx';
import { bitmapOf } from '../../project/bitmap.ts';
import type { Picture } from '../../project/model.ts';
import { project, readOnly, saving, theStore } from '../../state.ts';
import { strings } from '../../strings.ts';
import {
  type Candidate,
  fetchOffered,
  isOffer,
  isTorchFile,
  ofFile,
  offered,
  offeredSize,
  ofProject,
} from './candidates.ts';

const texts = strings.try;

/** The lowest threshold of the slider: what has lower scores is not asked for. */
export const LEAST = 0.05;

/** A picture or a frame that is shown. */
export interface Shown {
  readonly name: string;
  readonly bitmap: ImageBitmap;
  /** The size to which positions refer: a very large picture is drawn smaller. */
  readonly width: number;
  readonly height: number;
  /** One of the project. */
  readonly picture?: Picture;
  /** The file that was brought; undefined for frames, which have none. */
  readonly file?: Blob;
}

export class TrySession {
  /** What was brought and not stored, and what the server offers. */
  readonly #others = signal<readonly Candidate[]>([]);
  readonly #wanted = signal('');
  readonly models = computed<readonly Candidate[]>(() => [
    ...(projectModels.value ?? []).map(ofProject),
    ...this.#others.value,
  ]);
  /** The chosen model, else the first. */
  readonly model = computed<Candidate | undefined>(
    () => this.models.value.find(({ id }) => id === this.#wanted.value) ?? this.models.value[0],
  );
  readonly shown = signal<Shown | undefined>(undefined);
  readonly found = signal<Prediction | undefined>(undefined);
  readonly threshold = signal(0.5);
  readonly opacity = signal(0.5);
  /** torchvision's name of the architecture for the next file; empty where the file tells it. */
  readonly arch = signal('');
  readonly busy = signal('');
  readonly error = signal('');
  readonly adapter = signal<{ readonly name: string; readonly software: boolean } | undefined>(undefined);
  /** Whether it is known what there is to choose from. */
  readonly isReady = signal(false);
  /** What is shown and what is found may be overtaken by something newer, each by itself. */
  #showing = 0;
  #finding = 0;

  constructor() {
    // Where there is no GPU, the room says so by itself.
    askForAdapter()
      .then(async ({ state }) => {
        if (state === 'there') this.adapter.value = await theRunner().adapter();
      })
      .catch(this.#fail);
    void offeredSize().then((size) => {
      if (size !== undefined) this.#others.value = [...this.#others.value, offered(size)];
      this.isReady.value = true;
    });
  }

  readonly #fail = (error: unknown): void => {
    this.error.value = describeError(error);
  };

  choose(id: string): void {
    this.#wanted.value = id;
  }

  /** Takes a model file: it is opened, and then stored in the project. What was chosen before stays where it cannot be opened. */
  async bring(file: File): Promise<void> {
    this.busy.value = texts.opening(file.name);
    this.error.value = '';
    try {
      const arch = this.arch.peek().trim();
      const named = arch !== '' && isTorchFile(file) ? { arch } : {};
      const what = await theRunner().describe(file, named.arch);
      const { task, classNames } = what;
      const open = project.value;
      const store = await theStore();
      const name = file.name.replace(/\.[^.]+$/, '');
      const saved =
        open && !readOnly.value
          ? await saving(() =>
              store.models.addModel(
                { project: open.id, name, task, file: file.name, classNames, ...named },
                file,
              ),
            )
          : undefined;
      if (saved) await refreshModels();
      else this.#keep({ id: crypto.randomUUID(), file, ...named }, what);
      if (saved) this.choose(saved.id);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.busy.value = '';
    }
  }

  #keep(source: BroughtModel, what: Parameters<typeof ofFile>[1]): void {
    const one = ofFile(source, what);
    this.#others.value = [...this.#others.value.filter(({ id }) => id !== one.id), one];
    this.choose(one.id);
  }

  /** Shows a picture of the project. */
  showPicture(picture: Picture): Promise<void> {
    return this.#show(async () => {
      const file = await (await theStore()).fileOf(picture);
      const { name, width, height } = picture;
      return { name, width, height, bitmap: await bitmapOf(file, picture), picture, file };
    });
  }

  /** Shows a picture that was brought. */
  showFile(file: File): Promise<void> {
    const name = file.name || texts.thePicture;
    return this.#show(async () => {
      if (file.size === 0) throw new Error(texts.emptyFile(name));
      const bitmap = await createImageBitmap(file).catch(() => {
        throw new Error(texts.notAPicture(name));
      });
      return { name, bitmap, width: bitmap.width, height: bitmap.height, file };
    });
  }

  async #show(read: () => Promise<Shown>): Promise<void> {
    this.#showing += 1;
    const turn = this.#showing;
    this.error.value = '';
    try {
      const shown = await read();
      if (turn !== this.#showing) return shown.bitmap.close();
      this.#replace(shown, undefined);
      await this.predict();
    } catch (error) {
      if (turn === this.#showing) this.#fail(error);
    }
  }

  #replace(shown: Shown | undefined, found: Prediction | undefined): void {
    const before = this.shown.peek();
    batch(() => {
      this.found.value = found;
      this.shown.value = shown;
    });
    if (before !== shown) before?.bitmap.close();
  }

  /** Runs the model on what is shown; what was found before stays until then. */
  async predict(): Promise<void> {
    const shown = this.shown.peek();
    if (!shown) return;
    this.#finding += 1;
    const turn = this.#finding;
    try {
      const model = await this.#ready();
      if (!model) throw new Error(texts.noModel);
      this.busy.value = texts.looking(shown.name);
      const source = shown.picture?.id ?? shown.file ?? (await createImageBitmap(shown.bitmap));
      const found = await theRunner().predict(model.source, source, { scoreThreshold: LEAST });
      if (turn !== this.#finding) return;
      this.error.value = '';
      this.found.value = found;
    } catch (error) {
      if (turn === this.#finding) this.#fail(error);
    } finally {
      if (turn === this.#finding) this.busy.value = '';
    }
  }

  /** The chosen model, fetched where it is still at the server. */
  async #ready(): Promise<Candidate | undefined> {
    const model = this.model.peek();
    if (!model || !isOffer(model)) return model;
    this.busy.value = texts.fetching;
    const source = await fetchOffered();
    this.#keep(source, await theRunner().describe(source.file));
    return this.model.peek();
  }

  /**
   * Runs the model on a frame of a video or camera, which is closed, and shows both.
   *
   * @param isWanted Whether it is still to be shown when the model is done with it.
   * @returns Whether there was a model that could run.
   */
  async look(frame: Frame, name: string, isWanted: () => boolean): Promise<boolean> {
    // Whatever is chosen meanwhile is shown instead.
    const turn = this.#showing;
    let bitmap: ImageBitmap | undefined;
    try {
      bitmap = await createImageBitmap(frame);
      const { width, height } = bitmap;
      const model = await this.#ready();
      if (!model) throw new Error(texts.noModel);
      const found = await theRunner().predict(model.source, frame, { scoreThreshold: LEAST });
      this.busy.value = '';
      if (turn !== this.#showing || !isWanted()) {
        bitmap.close();
        return true;
      }
      this.#finding += 1;
      this.error.value = '';
      this.#replace({ name, bitmap, width, height }, found);
      return true;
    } catch (error) {
      frame.close();
      bitmap?.close();
      if (turn === this.#showing && isWanted()) {
        this.busy.value = '';
        this.#fail(error);
      }
      return false;
    }
  }

  /** Shows nothing. */
  clear(): void {
    this.#showing += 1;
    this.#finding += 1;
    this.busy.value = '';
    this.error.value = '';
    this.#replace(undefined, undefined);
  }

  close(): void {
    this.clear();
  }
}
