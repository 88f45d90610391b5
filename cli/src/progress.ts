import { SingleBar } from 'cli-progress';
import { colorsOf } from './colors.ts';
import { counted } from './counted.ts';
import { printable } from './printable.ts';

/** What of a stream is used: `process.stderr`, or anything that takes text. */
export interface ProgressStream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

export interface ProgressOptions {
  total: number;
  label: string;
  /** The word for one of what is counted, and for several. Default `step`, `steps`. */
  unit?: readonly [one: string, several: string];
  stream?: ProgressStream;
  /** The step to start from when a run is resumed; 0. */
  start?: number;
}

export interface StepStatus {
  /** By name; on a narrow terminal the last ones go first. */
  losses?: Readonly<Record<string, number>>;
  lr?: number;
  imagesPerSecond?: number;
}

export interface Progress {
  /** `step` steps of the total are finished. */
  update(step: number, status?: StepStatus): void;
  /** A line above the bar that stays. */
  log(line: string): void;
  /** Names what happens between steps; ends with the next phase, update or done. */
  phase(name: string): void;
  /** Ends the bar or prints the last line. More calls do nothing. */
  done(): void;
}

const PIPE_SECONDS = 2;
const PIPE_FRACTION = 0.05;
/** Even a slow run says once a minute that it lives. */
const PIPE_SILENCE_SECONDS = 60;

const active = new Set<Progress>();

/** Ends whatever bars are drawn, so that an error message starts on a line of its own. */
export function endAllProgress(): void {
  for (const progress of [...active]) progress.done();
}

/** `4.2 s`, `2:31`, `1:04:09`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '?';
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

const short = (value: number): string => {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return value.toExponential(1);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(3);
};

const isTerminal = (stream: ProgressStream): boolean => stream.isTTY === true && process.env.TERM !== 'dumb';

function speaksUnicode(): boolean {
  if (process.platform === 'win32') return Boolean(process.env.WT_SESSION);
  const locale = process.env.LC_ALL || process.env.LC_CTYPE || process.env.LANG || '';
  return process.platform === 'darwin' || /utf-?8/i.test(locale);
}

/** Time left by the speed of the steps seen lately. */
class Clock {
  private readonly seen: { at: number; step: number }[] = [];

  /** Forgets what was seen: a phase is no measure of the steps' speed. */
  restart(): void {
    this.seen.length = 0;
  }

  add(step: number): void {
    const at = Date.now();
    const last = this.seen.at(-1);
    if (last !== undefined && (step <= last.step || at - last.at < 100)) return;
    this.seen.push({ at, step });
    if (this.seen.length > 100) this.seen.shift();
  }

  secondsLeft(step: number, total: number): number | undefined {
    const first = this.seen[0];
    const last = this.seen.at(-1);
    if (first === undefined || last === undefined || last.step === first.step) return undefined;
    const perStep = (last.at - first.at) / (last.step - first.step);
    // What has passed since the last step counts down, as long as the next is not late.
    const since = Math.min(Date.now() - last.at, perStep);
    return Math.max(0, (perStep * (total - step) - since) / 1000);
  }
}

/** The parts of a status line in the order in which they stand; what drops first has the highest rank. */
function statusParts(status: StepStatus, left: number | undefined): { text: string; rank: number }[] {
  const losses = Object.entries(status.losses ?? {});
  return [
    ...losses.map(([name, value], i) => ({
      text: `${printable(name)} ${short(value)}`,
      rank: i === 0 ? 1 : 4 + i,
    })),
    ...(status.lr === undefined ? [] : [{ text: `lr ${Number(status.lr.toPrecision(2))}`, rank: 4 }]),
    ...(status.imagesPerSecond === undefined
      ? []
      : [{ text: `${short(status.imagesPerSecond)} images/s`, rank: 3 }]),
    ...(left === undefined ? [] : [{ text: `${formatDuration(left)} left`, rank: 2 }]),
  ];
}

/**
 * Progress of a number of steps. On a terminal a bar on one line that always fits its width; elsewhere (a
 * pipe, a log file, TERM=dumb) plain lines without control characters: the first and last step, and between
 * them one a 5 % of the steps but no more than one in 2 seconds, or one a minute.
 */
export function createProgress(options: ProgressOptions): Progress {
  const stream = options.stream ?? process.stderr;
  const progress = isTerminal(stream)
    ? terminalProgress({ ...options, stream })
    : pipeProgress({ ...options, stream });
  active.add(progress);
  return progress;
}

type Settled = ProgressOptions & { stream: ProgressStream };

function pipeProgress({
  total,
  label,
  stream,
  start = 0,
  unit: [one, several] = ['step', 'steps'],
}: Settled): Progress {
  const clock = new Clock();
  clock.add(start);
  const name = printable(label);
  const began = Date.now();
  let last: { step: number; status: StepStatus } | undefined;
  let printed = { at: 0, step: -1 };
  let phase: { name: string; at: number } | undefined;
  let ended = false;
  const line = (text: string): void => {
    stream.write(`${printable(text).trimEnd()}\n`);
  };
  const endPhase = (): void => {
    if (phase === undefined) return;
    const seconds = (Date.now() - phase.at) / 1000;
    if (seconds >= 1) line(`${name}: ${phase.name} took ${formatDuration(seconds)}`);
    phase = undefined;
    clock.restart();
  };
  const print = (step: number, status: StepStatus): void => {
    const left = step < total ? clock.secondsLeft(step, total) : undefined;
    const parts = statusParts(status, left).map(({ text }) => text);
    line([`${name}: ${one} ${step}/${total}`, ...parts].join(', '));
    printed = { at: Date.now(), step };
  };
  const self: Progress = {
    update(step, status = {}) {
      if (ended) return;
      endPhase();
      clock.add(step);
      last = { step, status };
      const seconds = (Date.now() - printed.at) / 1000;
      const far = step - printed.step >= total * PIPE_FRACTION;
      const due = seconds >= PIPE_SECONDS && (far || seconds >= PIPE_SILENCE_SECONDS);
      if (printed.step < 0 || (step >= total && printed.step !== step) || due) print(step, status);
    },
    log(text) {
      for (const part of text.split(/\r?\n/)) line(part);
    },
    phase(text) {
      if (ended) return;
      endPhase();
      phase = { name: printable(text), at: Date.now() };
      line(`${name}: ${phase.name}`);
    },
    done() {
      if (ended) return;
      ended = true;
      active.delete(self);
      endPhase();
      if (last !== undefined && printed.step !== last.step) print(last.step, last.status);
      if (last !== undefined) {
        const from = start > 0 && last.step > start ? `${several} ${start + 1} to ${last.step}` : undefined;
        const steps = from ?? counted(last.step, one, several);
        line(`${name}: ${steps} in ${formatDuration((Date.now() - began) / 1000)}`);
      }
    },
  };
  return self;
}

function terminalProgress({ total, label, stream, start = 0 }: Settled): Progress {
  const color = colorsOf(stream);
  const [full, none] = speaksUnicode() ? ['\u2588', '\u2591'] : ['#', '-'];
  const clock = new Clock();
  clock.add(start);
  const name = printable(label);
  const width = (): number => Math.max(10, stream.columns ?? 80) - 1;
  const began = Date.now();
  let step = start;
  let status: StepStatus = {};
  let phase: { name: string; at: number } | undefined;
  let [told, ended, silent] = [false, false, false];

  /** The whole line for a width: fixed text, then what fits by rank, and the bar takes what is left. */
  const compose = (): string => {
    const room = width();
    if (phase !== undefined) {
      const seconds = (Date.now() - phase.at) / 1000;
      const text = `${name}  ${phase.name} (${formatDuration(seconds)})`;
      return text.length <= room ? text : text.slice(0, room);
    }
    const count = `${step}/${total}`;
    const parts = ended
      ? statusParts(status, undefined).concat({
          text: `in ${formatDuration((Date.now() - began) / 1000)}`,
          rank: 2,
        })
      : statusParts(status, step < total ? clock.secondsLeft(step, total) : undefined);
    const minimum = 8;
    const fixed = name.length + 2 + minimum + 1 + count.length;
    const length = (chosen: typeof parts): number =>
      chosen.reduce((sum, { text }) => sum + 2 + text.length, 0);
    let chosen = parts;
    while (chosen.length > 0 && fixed + length(chosen) > room) {
      const worst = Math.max(...chosen.map(({ rank }) => rank));
      chosen = chosen.filter(({ rank }) => rank !== worst);
    }
    const spare = room - (fixed - minimum) - length(chosen);
    if (spare < 4) return `${name} ${count}`.slice(0, room);
    const cells = Math.min(30, spare);
    const filled = Math.round(cells * Math.min(1, total > 0 ? step / total : 1));
    const bar = color.cyan(full!.repeat(filled)) + color.dim(none!.repeat(cells - filled));
    const rest = chosen.map(({ text }) => `  ${text}`).join('');
    return `${color.bold(name)}  ${bar} ${count}${rest}`;
  };

  // cli-progress saves the cursor's place on the screen at the start and returns to it at the end, which
  // overwrites lines logged in between once the screen has scrolled; and it changes modes (wrapping, cursor)
  // that a killed process leaves behind. This terminal does neither: it draws one line, and `compose` fits it.
  const send = (text: string): void => {
    if (!silent) stream.write(text);
  };
  const terminal = {
    isTTY: () => true,
    getWidth: width,
    cursorSave() {},
    cursorRestore() {},
    cursor() {},
    lineWrapping() {},
    cursorRelative() {},
    cursorRelativeReset() {},
    cursorTo: () => send('\r'),
    write: send,
    clearRight: () => send('\x1b[K'),
    clearLine: () => send('\x1b[2K'),
    clearBottom: () => send('\x1b[J'),
    newline: () => send('\n'),
  };
  const bar = new SingleBar({
    format: compose,
    terminal,
    fps: 8,
    linewrap: true,
    hideCursor: null,
    clearOnComplete: false,
    stopOnComplete: false,
    gracefulExit: false,
    forceRedraw: true,
  } as unknown as ConstructorParameters<typeof SingleBar>[0]);
  bar.start(Math.max(total, 0), start);
  // The redraw timer must not keep a finished process alive.
  const unref = (): void => {
    (bar as unknown as { timer: NodeJS.Timeout | null }).timer?.unref?.();
  };
  bar.on('redraw-post', () => queueMicrotask(unref));
  unref();

  const above = (text: string): void => {
    stream.write(`\r\x1b[2K${text}\n`);
    if (!ended) stream.write(compose());
  };
  const endPhase = (): void => {
    if (phase === undefined) return;
    const { name: what, at } = phase;
    phase = undefined;
    clock.restart();
    const seconds = (Date.now() - at) / 1000;
    if (seconds >= 1) above(color.dim(`${name}  ${what}, ${formatDuration(seconds)}`));
  };
  const self: Progress = {
    update(at, now = {}) {
      if (ended) return;
      endPhase();
      clock.add(at);
      step = at;
      status = now;
      told = true;
      bar.update(at);
    },
    log(text) {
      for (const part of text.split(/\r?\n/)) above(printable(part));
    },
    phase(text) {
      if (ended) return;
      endPhase();
      phase = { name: printable(text), at: Date.now() };
      bar.render();
    },
    done() {
      if (ended) return;
      endPhase();
      ended = true;
      active.delete(self);
      // Where phases alone were told there is no count to leave behind.
      silent = !told;
      bar.stop();
      if (!told) stream.write('\r\x1b[2K');
    },
  };
  return self;
}
