import type { Gpu } from '../plan/gpu.ts';
import type { TaskName } from '../tasks/architecture.ts';
import type { ClassifierOptions, ImageClassifier } from '../tasks/classifier.ts';
import type { DetectorOptions, ObjectDetector, PixelSegmenter, SegmenterOptions } from '../tasks/infer.ts';
import type { TrainedModel } from '../tasks/modelFile.ts';
import type { FixedPreprocessing } from '../tasks/preprocessing.ts';

/** A model of any origin, ready to run. */
export interface OpenedModel {
  /** What it does. */
  readonly task: TaskName;
  /** What its network is called: torchvision's name of the builder, Fovea's of the model, or its kind. */
  readonly title: string;
  /** Its classes, without the background where that is one. */
  readonly classNames: readonly string[];
  /** What it is and how images are prepared for it, in one line. */
  readonly description: string;
  /** The model, where it is one of Fovea's architectures; undefined for ONNX models. */
  readonly trained?: TrainedModel;
  /**
   * Of torchvision's weights: the builders that they may be of, the one that was assumed first. Others have the same shapes, and
   * differ in sizes of images and numbers of proposals: choose one with `arch`.
   */
  readonly builders?: readonly string[];
  /** The lowest scoreThreshold that its detector takes: that with which an ONNX file was exported. Undefined for any. */
  readonly leastScore?: number | undefined;
  /** Makes a detector. Throws DataError for a segmenter or classifier. */
  detector(gpu: Gpu, options?: DetectorOptions): ObjectDetector;
  /** Makes a segmenter. Throws DataError for a detector or classifier. */
  segmenter(gpu: Gpu, options?: SegmenterOptions): PixelSegmenter;
  /** Makes a classifier of whole images. Throws DataError for a detector or segmenter. */
  classifier(gpu: Gpu, options?: ClassifierOptions): ImageClassifier;
}

/** Options of `openModel`. */
export interface OpenModelOptions {
  /** The file's name, for messages. Default `model`. */
  readonly name?: string;
  /** The names of the classes. Default: those in the file, or of torchvision's weights, or numbers. */
  readonly names?: readonly string[];
  /** The bytes of the .weights file of Darknet's .cfg. */
  readonly weights?: Uint8Array;
  /** How images are brought to the size of Darknet's network. Default `letterbox`. */
  readonly fit?: FixedPreprocessing['fit'];
  /** torchvision's name of the builder that weights of PyTorch are for. Default: as the shapes say. */
  readonly arch?: string;
  /** Whether images are normalised for an ONNX model. Default: `imagenet` for maps of classes, else `none`. */
  readonly normalize?: 'imagenet' | 'none';
  /** Reads files beside an ONNX model that hold its values. Default: there are none. */
  readonly externalData?: (location: string) => Uint8Array | undefined;
}
