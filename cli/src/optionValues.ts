// The values of options on the command line, and options that several commands have.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from 'fovea';

/** Throws UsageError for a text that is empty, as that of a variable of the shell that is not set: it would be the folder that one is in. */
export function expectNoneEmpty(command: Command): void {
  for (const option of command.options) {
    const name = option.attributeName();
    // A variable of the environment that is empty is none.
    if (command.getOptionValue(name) !== '' || command.getOptionValueSource(name) === 'env') continue;
    throw new UsageError(`${option.long ?? option.short} is empty; give a value, or leave it out`);
  }
  if (command.args.includes(''))
    throw new UsageError(`${command.name()}: one of the arguments is empty; give a path, or leave it out`);
}

export const whole =
  (min: number, max = Number.MAX_SAFE_INTEGER, multiple = 1) =>
  (text: string): number => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isSafeInteger(value) || value < min || value > max || value % multiple !== 0) {
      const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`;
      throw new InvalidArgumentError(
        `give a whole number ${range}${multiple === 1 ? '' : `, a multiple of ${multiple}`}.`,
      );
    }
    return value;
  };
export const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('give a positive number.');
  return value;
};
export const share = (text: string): number => {
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError('give a number from 0 to 1.');
  return value;
};
/** `7,12-14` as [7, 12, 13, 14]. */
export const batches = (text: string): number[] =>
  text.split(',').flatMap((part) => {
    const [, first = '', last = first] = /^ *(\d+)(?:-(\d+))? *$/.exec(part) ?? [];
    const [from, to] = [Number(first), Number(last)];
    if (!(from >= 1 && from <= to && to - from < 1_000_000)) {
      throw new InvalidArgumentError('give numbers of batches, such as 7 or 7,12-14.');
    }
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
/** How images to judge by are chosen: a share, a fold, or a folder. */
export type Held =
  | { readonly kind: 'share'; readonly share: number }
  | { readonly kind: 'fold'; readonly fold: number; readonly folds: number }
  | { readonly kind: 'folder'; readonly folder: string };
/** `0.2`, `1/5` (the first of five folds), or a folder. */
export const held = (text: string): Held => {
  const [, fold, folds] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (fold !== undefined) {
    const [k, of] = [Number(fold), Number(folds)];
    if (of < 2 || k < 1 || k > of) {
      throw new InvalidArgumentError('give the number of a fold and how many there are, such as 1/5.');
    }
    return { kind: 'fold', fold: k, folds: of };
  }
  const share = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isNaN(share)) return { kind: 'folder', folder: text };
  if (!(share >= 0 && share < 1)) throw new InvalidArgumentError('give a share from 0 to below 1.');
  return { kind: 'share', share };
};
/** `480` as [480, 480], `480x640` as [480, 640]. */
export const size = (text: string): [number, number] => {
  const [, height = '', width = height] = /^(\d+)(?:x(\d+))?$/.exec(text) ?? [];
  const sides: [number, number] = [Number(height), Number(width)];
  if (!sides.every((side) => side >= 1 && side <= 65536)) {
    throw new InvalidArgumentError('give height and width in pixels, such as 480x640.');
  }
  return sides;
};
/** `sky,grass` as ['sky', 'grass']. */
export const names = (text: string): string[] => {
  const list = text.split(',').map((name) => name.trim());
  if (list.includes('')) throw new InvalidArgumentError('give names, such as sky,grass.');
  return list;
};
/** The values of an option that is given several times. */
export const several = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];
export const scales = (text: string): number[] => {
  const values = text.split(',').map(Number);
  if (!values.every((value) => value > 0 && Number.isFinite(value))) {
    throw new InvalidArgumentError('give positive numbers, such as 0.75,1,1.25.');
  }
  return values;
};
/** What a model may be, in the help. */
export const MODEL_FILE = "a model of fovea train, an ONNX model, torchvision's weights, or Darknet's .cfg";
/** The model files that Fovea loads into one of its own architectures, in the help. */
export const OWN_MODEL_FILE = "a model of fovea train, torchvision's weights, or Darknet's .cfg";

/** Adds the options of a model that others trained: what `kinds` there may be besides torchvision's weights. */
export function modelFile(command: Command, ...kinds: readonly ('onnx' | 'darknet')[]): Command {
  command
    .option(
      '--names <file>',
      'the names of its classes, one per line (default: those in the file, or numbers)',
    )
    .option(
      '--arch <name>',
      "torchvision's name for the weights, such as fasterrcnn_resnet50_fpn (default: told by them)",
    );
  if (kinds.includes('onnx')) {
    command.addOption(
      new Option(
        '--normalize <how>',
        'how images are normalised for an ONNX model (default: imagenet for segmenters)',
      ).choices(['imagenet', 'none']),
    );
  }
  if (!kinds.includes('darknet')) return command;
  return command
    .option('--weights <file>', "the .weights file of Darknet's .cfg")
    .addOption(
      new Option(
        '--fit <how>',
        'how images are brought to its size, as Darknet or as OpenCV does it (default: letterbox)',
      ).choices(['letterbox', 'stretch']),
    );
}

/** The adapter of commands that compute. */
export const adapter = (): Option =>
  new Option('--adapter <kind>', 'the adapter to use (default: auto)').choices([
    'auto',
    'hardware',
    'lavapipe',
    'swiftshader',
  ]);
