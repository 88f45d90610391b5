import { expectArguments } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { YOLO } from '../models/yolo.ts';
import { withDefaults } from '../options.ts';
import type { TrainedModel } from './modelFile.ts';
import type { FixedPreprocessing } from './preprocessing.ts';

/** Darknet's files of a trained network. */
export interface DarknetFiles {
  /** The text of the .cfg file. */
  readonly cfg: string;
  /** The bytes of the .weights file. */
  readonly weights: Uint8Array;
  /** The text of the .names file: one class per line. Default: the classes are named by their numbers. */
  readonly names?: string;
}

/** Options of `fromDarknet`. */
export interface FromDarknetFilesOptions {
  /** The .cfg file's name, for error messages. Default `cfg`. */
  readonly name?: string;
  /** How images are brought to the size in the .cfg. Default `letterbox`, as Darknet's own program does it. */
  readonly fit?: FixedPreprocessing['fit'];
}

/**
 * Makes a detector of Darknet's files (YOLOv3, YOLOv3-tiny, Yolo-Fastest …), for `new Detector` and for `train`.
 *
 * @param files The network, its weights and its classes.
 * @param options Name for messages, and how images are fitted.
 * @throws DataError for files that cannot be used, and for another number of names than the network has classes.
 */
export function fromDarknet(files: DarknetFiles, options: FromDarknetFilesOptions = {}): TrainedModel {
  const { name, fit } = withDefaults('fromDarknet', options, { name: 'cfg', fit: 'letterbox' });
  expectArguments('fromDarknet', { files }, { files: { cfg: 'text', weights: 'bytes' } });
  const model = YOLO.fromDarknet(files.cfg, files.weights, { name });
  model.eval();
  const { numClasses } = model;
  const classNames =
    files.names === undefined
      ? Array.from({ length: numClasses }, (_, i) => String(i))
      : files.names.split(/\r\n|\n|\r/).filter((line) => line.trim() !== '');
  if (classNames.length !== numClasses) {
    throw new DataError(
      `${name}: it has ${numClasses} classes, but there are ${classNames.length} names; give the .names file that it was trained with`,
    );
  }
  return { name: 'yolov3', model, classNames, preprocessing: { size: model.imageSize, fit } };
}
