import { DataError } from '../errors.ts';

export const DARKNET_ACTIVATIONS = ['linear', 'leaky', 'relu', 'logistic', 'mish', 'swish'] as const;
export type DarknetActivation = (typeof DARKNET_ACTIVATIONS)[number];

/** Where a section begins in its file: for messages. */
interface Place {
  readonly line: number;
}

export interface DarknetNet extends Place {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

export interface DarknetConvolutional extends Place {
  readonly type: 'convolutional';
  readonly filters: number;
  readonly size: number;
  readonly stride: number;
  /** Zeros on each side: `size / 2` where the file says pad=1. */
  readonly padding: number;
  readonly groups: number;
  readonly batchNormalize: boolean;
  readonly activation: DarknetActivation;
}

export interface DarknetMaxpool extends Place {
  readonly type: 'maxpool';
  readonly size: number;
  readonly stride: number;
  /** Of both sides together; the side before gets the smaller half. */
  readonly padding: number;
}

/** Adds an earlier layer's output to the last one's: activation(alpha x + beta earlier). */
export interface DarknetShortcut extends Place {
  readonly type: 'shortcut';
  readonly from: number;
  readonly alpha: number;
  readonly beta: number;
  readonly activation: DarknetActivation;
}

/** Earlier layers' outputs, joined along the channels; of each, part `groupId` of `groups`. */
export interface DarknetRoute extends Place {
  readonly type: 'route';
  readonly layers: readonly number[];
  readonly groups: number;
  readonly groupId: number;
}

/** Every pixel repeated `stride` times along both axes, times `scale`. */
export interface DarknetUpsample extends Place {
  readonly type: 'upsample';
  readonly stride: number;
  readonly scale: number;
}

export interface DarknetYOLO extends Place {
  readonly type: 'yolo';
  readonly classes: number;
  /** (width, height) in pixels of the network's input: those of all yolo layers. */
  readonly anchors: readonly (readonly [number, number])[];
  /** Indices of the anchors that this layer predicts with. */
  readonly mask: readonly number[];
  /** A prediction whose IoU with an object is above this is not trained as background. */
  readonly ignoreThresh: number;
  /** A prediction whose IoU with an object is above this is trained to predict it. 1: none is. */
  readonly truthThresh: number;
  /** Stretches the offset of a centre in its cell: (sigmoid(x) - 0.5) scaleXy + 0.5. */
  readonly scaleXy: number;
  /** Darknet's variation of training crops, and whether it changes their size. Read, but not applied. */
  readonly jitter: number;
  readonly random: boolean;
}

/** Sets values to 0 with this probability while the network is trained; nothing otherwise. */
export interface DarknetDropout extends Place {
  readonly type: 'dropout';
  readonly probability: number;
}

/** A section that gives what it gets: `cost` measures a loss, `empty` and `silence` stand for nothing. */
export interface DarknetIdentity extends Place {
  readonly type: 'identity';
}

export type DarknetLayer =
  | DarknetConvolutional
  | DarknetDropout
  | DarknetIdentity
  | DarknetMaxpool
  | DarknetShortcut
  | DarknetRoute
  | DarknetUpsample
  | DarknetYOLO;

/** A network as a .cfg file describes it. Layers are named by their place in `layers`, as Darknet counts them. */
export interface DarknetCfg {
  readonly name: string;
  readonly net: DarknetNet;
  readonly layers: readonly DarknetLayer[];
}

/** Darknet's short names of sections. */
const ALIASES: Readonly<Record<string, string>> = { network: 'net', conv: 'convolutional', max: 'maxpool' };

/** Keys that would change a layer's result in ways that are not supported, and the values that do not. */
const REFUSED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  convolutional: { binary: '0', xnor: '0', flipped: '0', dilation: '1', antialiasing: '0' },
  maxpool: { maxpool_depth: '0', antialiasing: '0' },
  shortcut: { weights_type: 'none' },
  route: { stream: '0' },
  yolo: { new_coords: '0', map: '' },
};

interface Option {
  readonly value: string;
  readonly line: number;
}

/** The lines between two headings. */
class Section {
  readonly type: string;
  readonly line: number;
  readonly #file: string;
  readonly #options = new Map<string, Option>();

  constructor(file: string, type: string, line: number) {
    this.#file = file;
    this.type = type;
    this.line = line;
  }

  /** Of equal keys the first one counts, as in Darknet. */
  add(key: string, option: Option): void {
    if (!this.#options.has(key)) this.#options.set(key, option);
  }

  error(problem: string, line = this.line): DataError {
    return new DataError(`${this.#file}:${line}: [${this.type}] ${problem}`);
  }

  #wrong(key: string, want: string): DataError {
    const { value, line } = this.#options.get(key)!;
    return this.error(`${key}=${value}; give ${want}`, line);
  }

  float(key: string, otherwise: number, min = Number.NEGATIVE_INFINITY): number {
    const value = this.#options.get(key)?.value;
    if (value === undefined) return otherwise;
    const number = value === '' ? Number.NaN : Number(value);
    if (!Number.isFinite(number) || number < min) {
      throw this.#wrong(key, min > Number.NEGATIVE_INFINITY ? `a number of at least ${min}` : 'a number');
    }
    return number;
  }

  int(key: string, otherwise: number, min: number): number {
    const number = this.float(key, otherwise);
    if (!Number.isInteger(number) || number < min) throw this.#wrong(key, `a whole number from ${min} on`);
    return number;
  }

  flag(key: string): boolean {
    return this.float(key, 0) !== 0;
  }

  /** Numbers separated by commas; a comma at the end is allowed. */
  floats(key: string): number[] | undefined {
    const value = this.#options.get(key)?.value;
    if (value === undefined) return undefined;
    const numbers = value
      .replace(/,$/, '')
      .split(',')
      .map((part) => (part === '' ? Number.NaN : Number(part)));
    if (!numbers.every(Number.isFinite)) throw this.#wrong(key, 'numbers, with commas between them');
    return numbers;
  }

  /** Layers before this one, which is number `index`; negative numbers count back from it. */
  earlier(key: string, index: number): number[] {
    const given = this.floats(key);
    if (!given) throw this.error(`without ${key}; give the layer${key === 'from' ? '' : 's'}`);
    return given.map((number) => {
      const layer = number < 0 ? index + number : number;
      if (!Number.isInteger(layer) || layer < 0 || layer >= index) {
        throw this.#wrong(key, `layers before this one, 0 to ${index - 1} or -1 to -${index}`);
      }
      return layer;
    });
  }

  activation(otherwise: string): DarknetActivation {
    const name = this.#options.get('activation')?.value ?? otherwise;
    const known = DARKNET_ACTIVATIONS.find((candidate) => candidate === name);
    if (!known) throw this.#wrong('activation', `one of ${DARKNET_ACTIVATIONS.join(', ')}`);
    return known;
  }

  refuse(neutral: Readonly<Record<string, string>>): void {
    for (const [key, value] of Object.entries(neutral)) {
      const given = this.#options.get(key);
      if (!given || given.value === value || (value === '0' && Number(given.value) === 0)) continue;
      throw this.#wrong(
        key,
        value === ''
          ? 'a network without it; it is not supported'
          : `${value}; other values are not supported`,
      );
    }
  }
}

function sectionsOf(text: string, name: string): Section[] {
  const sections: Section[] = [];
  text.split(/\r\n|\n|\r/).forEach((raw, i) => {
    const line = i + 1;
    const content = raw.replace(/[#;].*$/, '').replace(/\s+/g, '');
    if (content === '') return;
    const heading = /^\[([^\]]*)\]$/.exec(content)?.[1];
    const section = sections.at(-1);
    if (heading !== undefined) {
      sections.push(new Section(name, ALIASES[heading] ?? heading, line));
      return;
    }
    const at = content.indexOf('=');
    if (at < 1 || !section) {
      throw new DataError(
        `${name}:${line}: "${raw.trim()}" is neither a [section] nor key=value${section ? '' : ' of one'}; a .cfg begins with [net]`,
      );
    }
    section.add(content.slice(0, at), { value: content.slice(at + 1), line });
  });
  return sections;
}

const READERS: Readonly<Record<string, (section: Section, index: number) => DarknetLayer>> = {
  convolutional(section) {
    const size = section.int('size', 1, 1);
    return {
      type: 'convolutional',
      line: section.line,
      filters: section.int('filters', 1, 1),
      size,
      stride: section.int('stride', 1, 1),
      padding: section.flag('pad') ? Math.floor(size / 2) : section.int('padding', 0, 0),
      groups: section.int('groups', 1, 1),
      batchNormalize: section.flag('batch_normalize'),
      activation: section.activation('logistic'),
    };
  },
  maxpool(section) {
    const stride = section.int('stride', 1, 1);
    const size = section.int('size', stride, 1);
    const padding = section.int('padding', size - 1, 0);
    return { type: 'maxpool', line: section.line, size, stride, padding };
  },
  shortcut(section, index) {
    const [from, ...others] = section.earlier('from', index);
    if (others.length > 0) throw section.error('adds several layers; add them one after another');
    return {
      type: 'shortcut',
      line: section.line,
      from: from!,
      alpha: section.float('alpha', 1),
      beta: section.float('beta', 1),
      activation: section.activation('linear'),
    };
  },
  route(section, index) {
    const groups = section.int('groups', 1, 1);
    const groupId = section.int('group_id', 0, 0);
    if (groupId >= groups) throw section.error(`group_id ${groupId} of ${groups} groups; count from 0`);
    const layers = section.earlier('layers', index);
    return { type: 'route', line: section.line, layers, groups, groupId };
  },
  upsample(section) {
    const stride = section.int('stride', 2, 1);
    return { type: 'upsample', line: section.line, stride, scale: section.float('scale', 1) };
  },
  dropout(section) {
    const probability = section.float('probability', 0.5, 0);
    if (probability >= 1) throw section.error(`probability=${probability}; give a number below 1`);
    return { type: 'dropout', line: section.line, probability };
  },
  cost: identity,
  empty: identity,
  silence: identity,
  yolo: readYolo,
};

function identity({ line }: Section): DarknetIdentity {
  return { type: 'identity', line };
}

function readYolo(section: Section): DarknetYOLO {
  const numbers = section.floats('anchors');
  const num = section.int('num', 1, 1);
  if (!numbers || numbers.length !== 2 * num || numbers.some((side) => side <= 0)) {
    throw section.error(
      `has ${numbers?.length ?? 0} numbers in anchors and num=${num}; give a width and a height above 0 for each`,
    );
  }
  const anchors = Array.from({ length: num }, (_, i) => [numbers[2 * i]!, numbers[2 * i + 1]!] as const);
  const mask = section.floats('mask') ?? anchors.map((_, i) => i);
  const whole = mask.every((i) => Number.isInteger(i) && i >= 0 && i < num);
  if (!whole || mask.length === 0 || new Set(mask).size !== mask.length) {
    throw section.error(`mask=${mask}; give different anchors, 0 to ${num - 1}`);
  }
  const scaleXy = section.float('scale_x_y', 1);
  if (scaleXy < 1) throw section.error(`scale_x_y=${scaleXy}; give 1 or more`);
  return {
    type: 'yolo',
    line: section.line,
    classes: section.int('classes', 20, 1),
    anchors,
    mask,
    ignoreThresh: section.float('ignore_thresh', 0.5),
    truthThresh: section.float('truth_thresh', 1),
    scaleXy,
    jitter: section.float('jitter', 0.2),
    random: section.flag('random'),
  };
}

/**
 * Parses a Darknet .cfg (https://pjreddie.com/darknet): sections net, convolutional, maxpool, shortcut, route, upsample
 * and yolo, with Darknet's defaults; dropout, which does nothing in evaluation; cost, empty and silence, which never do. Spaces are ignored; `#` and `;` begin a comment; unknown keys are ignored, as in
 * Darknet.
 *
 * @param text The content of the file.
 * @param name The file's name, for messages. Default `cfg`.
 * @throws DataError, with line and fix: for other sections, invalid values, and keys that would change the result in
 * ways that are not supported.
 */
export function parseDarknetCfg(text: string, name = 'cfg'): DarknetCfg {
  const [first, ...rest] = sectionsOf(text, name);
  if (first?.type !== 'net') {
    throw new DataError(
      `${name}:${first?.line ?? 1}: ${first ? `[${first.type}] comes first` : 'the file is empty'}; a .cfg begins with [net]`,
    );
  }
  const net = {
    line: first.line,
    width: first.int('width', 416, 1),
    height: first.int('height', 416, 1),
    channels: first.int('channels', 3, 1),
  };
  const layers = rest.map((section, index) => {
    const read = Object.hasOwn(READERS, section.type) ? READERS[section.type] : undefined;
    if (!read) {
      throw section.error(`is not supported; supported are ${Object.keys(READERS).join(', ')}`);
    }
    section.refuse(REFUSED[section.type] ?? {});
    return read(section, index);
  });
  if (layers.length === 0) throw first.error('has no layers after it; add the network');
  return { name, net, layers };
}
