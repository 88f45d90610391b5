/** Frames of a video, one at a time: the next is taken when the one before is done, so that the rate is what the adapter allows. */
import type { Frame } from '../../learn/frames.ts';

/** Frames over which the rate is measured. */
const MEASURED = 8;

/** The frame that a video shows. */
export const frameOf = (video: HTMLVideoElement): Frame | Promise<Frame> =>
  typeof VideoFrame === 'undefined' ? createImageBitmap(video) : new VideoFrame(video);

export class FrameLoop {
  readonly #video: HTMLVideoElement;
  readonly #work: (frame: Frame) => Promise<boolean>;
  readonly #onRate: (rate: number | undefined) => void;
  #ended = false;
  #isBusy = false;
  /** A frame came while another was worked on. */
  #isLate = false;
  #times: number[] = [];

  /**
   * @param work Called with each frame, which it must close; false ends it all.
   * @param onRate Frames per second; undefined while that is not known.
   */
  constructor(
    video: HTMLVideoElement,
    work: (frame: Frame) => Promise<boolean>,
    onRate: (rate: number | undefined) => void,
  ) {
    this.#video = video;
    this.#work = work;
    this.#onRate = onRate;
    this.#wait();
  }

  #wait(): void {
    this.#video.requestVideoFrameCallback(() => {
      if (this.#ended) return;
      this.#wait();
      if (this.#isBusy) this.#isLate = true;
      else void this.#take();
    });
  }

  async #take(): Promise<void> {
    this.#isBusy = true;
    do {
      this.#isLate = false;
      try {
        const went = await this.#work(await frameOf(this.#video));
        if (!went) this.stop();
      } catch {
        // A video that shows nothing yet, or no longer, has no frame.
      }
      this.#measure();
    } while (this.#isLate && !this.#ended);
    this.#isBusy = false;
  }

  #measure(): void {
    if (this.#ended) return;
    this.#times = [...this.#times, performance.now()].slice(-MEASURED - 1);
    const [first] = this.#times;
    const last = this.#times.at(-1)!;
    const count = this.#times.length - 1;
    this.#onRate(count === 0 ? undefined : (1000 * count) / (last - first!));
  }

  stop(): void {
    this.#ended = true;
    this.#onRate(undefined);
  }
}
