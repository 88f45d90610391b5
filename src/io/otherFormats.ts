/** What a file is that was given in the place of weights, by its first bytes. */
import { expectArguments } from '../arguments.ts';

/** What a file is that is no safetensors file, as far as it is told. */
export type OtherFormat =
  | 'empty'
  | 'lfs'
  | 'html'
  | 'index'
  | 'tfjs'
  | 'json'
  | 'torch'
  | 'zip'
  | 'pickle'
  | 'onnx'
  | 'hdf5'
  | 'gguf'
  | 'tflite'
  | 'numpy'
  | 'darknet'
  | 'darknet-cfg'
  | 'gzip'
  | 'image'
  | 'text';

interface Format {
  readonly kind: OtherFormat;
  readonly matches: (bytes: Uint8Array, text: string) => boolean;
  /** What it is, and what to do about it where that is not to give another file: the end of a message. */
  readonly is: string;
  readonly fix?: string;
}

const begins =
  (...signature: number[]) =>
  (bytes: Uint8Array): boolean =>
    signature.every((byte, i) => bytes[i] === byte);
const CONVERT = 'load it with loadWeights, or convert it with "fovea weights convert"';

// In this order: an index of shards is a JSON file, too.
const FORMATS: readonly Format[] = [
  {
    kind: 'empty',
    matches: ({ length }) => length === 0,
    is: 'the file is empty',
    fix: 'copy or download it again',
  },
  {
    kind: 'lfs',
    matches: (_, text) => text.startsWith('version https://git-lfs'),
    is: 'is a Git LFS pointer, not the weights',
    fix: 'run "git lfs pull" to download them',
  },
  {
    kind: 'html',
    matches: (_, text) => /^\s*<(!doctype|html|head|\?xml|!--)/i.test(text),
    is: 'is a web page, not weights',
    fix: 'download the file itself (on Hugging Face, its "resolve" address)',
  },
  {
    kind: 'index',
    matches: (_, text) => /^\s*\{/.test(text) && text.includes('"weight_map"'),
    is: 'is the index of weights in several files',
    fix: 'load it with loadWeights, or merge them with "fovea weights convert"',
  },
  {
    kind: 'tfjs',
    matches: (_, text) => /^\s*\{/.test(text) && /"modelTopology"|"weightsManifest"/.test(text),
    is: 'is a model of TensorFlow.js',
    fix: 'load it with loadWeights, or as a module with loadTfjs',
  },
  {
    kind: 'json',
    matches: (_, text) => /^\s*[{[]\s*["{}[\]\d]/.test(text),
    is: 'is a JSON file, not weights',
  },
  {
    kind: 'torch',
    matches: (bytes, text) => begins(0x50, 0x4b, 3, 4)(bytes) && /data\.pkl|\/version|byteorder/.test(text),
    is: 'is a PyTorch file (.pt, a zip with a pickle)',
    fix: CONVERT,
  },
  {
    kind: 'zip',
    matches: begins(0x50, 0x4b, 3, 4),
    is: 'is a zip archive, such as a PyTorch file (.pt)',
    fix: `unpack it, or ${CONVERT}`,
  },
  // A pickle of protocol 2 to 5.
  {
    kind: 'pickle',
    matches: (bytes) => bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5,
    is: 'is a Python pickle, such as a PyTorch file (.pt, .pth)',
    fix: CONVERT,
  },
  // A ModelProto: its version of the format, 3 to 15, then its next field.
  {
    kind: 'onnx',
    matches: isOnnx,
    is: 'is an ONNX model',
    fix: 'load it with loadOnnx, or its weights with readOnnxWeights',
  },
  {
    kind: 'hdf5',
    matches: begins(0x89, 0x48, 0x44, 0x46),
    is: 'is an HDF5 file (Keras)',
    fix: 'export the weights as .safetensors',
  },
  { kind: 'gguf', matches: begins(0x47, 0x47, 0x55, 0x46), is: 'is a GGUF model' },
  { kind: 'tflite', matches: (_, text) => text.slice(4, 8) === 'TFL3', is: 'is a TensorFlow Lite model' },
  {
    kind: 'numpy',
    matches: (_, text) => text.startsWith('\u0093NUMPY'),
    is: 'is a NumPy array',
    fix: 'save the weights with safetensors.numpy.save_file(…)',
  },
  // Darknet's weights: version 0.1 or 0.2 as two i32.
  {
    kind: 'darknet',
    matches: (bytes) =>
      begins(0, 0, 0, 0)(bytes) && [1, 2].includes(bytes[4]!) && begins(0, 0, 0)(bytes.subarray(5)),
    is: 'is a Darknet weights file',
    fix: 'load it with YOLO.fromDarknet(cfg, weights)',
  },
  { kind: 'gzip', matches: begins(0x1f, 0x8b), is: 'is a gzip archive', fix: 'unpack it' },
  {
    kind: 'image',
    matches: (bytes) => begins(0x89, 0x50, 0x4e, 0x47)(bytes) || begins(0xff, 0xd8, 0xff)(bytes),
    is: 'is an image, not weights',
  },
  {
    kind: 'darknet-cfg',
    matches: (_, text) => text.startsWith('[net]') || /^\s*(#.*\n\s*)*\[net\]/.test(text),
    is: 'is a Darknet configuration, not weights',
  },
  { kind: 'text', matches: isText, is: 'is a text file, not weights' },
];

/** Whether bytes are UTF-8 without control characters. What was cut may end within a character. */
function isText(bytes: Uint8Array): boolean {
  if (bytes.some((byte) => byte < 0x09 || (byte > 0x0d && byte < 0x20))) return false;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** How much of a file its kind is told by. */
const SEEN = 4096;

/** Tells whether a file begins as an ONNX model does: with the version of the format, then one of its next fields. */
export function isOnnx(bytes: Uint8Array): boolean {
  expectArguments('isOnnx', { bytes }, { bytes: 'bytes' });
  return bytes[0] === 0x08 && bytes[1]! >= 3 && bytes[1]! <= 15 && [0x12, 0x3a, 0x42].includes(bytes[2]!);
}

/** Tells whether a file begins as safetensors do: with a length under 2^32 as a u64, thus with zeros in it, then "{". */
export const isSafetensors = (bytes: Uint8Array): boolean =>
  bytes[8] === 0x7b && bytes.subarray(0, 8).includes(0);

/** Tells whether a file is a model.json of TensorFlow.js, or a manifest of weights by itself. */
export function isTfjs(bytes: Uint8Array): boolean {
  if (isSafetensors(bytes) || !/^\s*[{[]/.test(String.fromCharCode(...bytes.subarray(0, 64)))) return false;
  // The manifest may come after the whole model.
  const text = new TextDecoder().decode(bytes);
  return text.includes('"weightsManifest"') || (text.includes('"paths"') && text.includes('"weights"'));
}

/** The format of a file that is no safetensors file. Undefined for unknown content. */
function told(bytes: Uint8Array): Format | undefined {
  const start = bytes.subarray(0, SEEN);
  if (isSafetensors(bytes)) return undefined;
  // Latin-1: one character per byte, whatever the bytes are.
  const text = String.fromCharCode(...start);
  return FORMATS.find(({ matches }) => matches(start, text));
}

/**
 * Tells what a file is by its first 4096 bytes, for messages about files of another format than is read. Undefined for safetensors and
 * for what is not known.
 *
 * @param bytes The content of the file.
 */
export function otherFormatOf(bytes: Uint8Array): OtherFormat | undefined {
  expectArguments('otherFormatOf', { bytes }, { bytes: 'bytes' });
  return told(bytes)?.kind;
}

/**
 * What a file is that is no safetensors file, and the fix: `is a Git LFS pointer, …; run …`. Undefined for unknown content.
 *
 * @param give The file to give instead, for formats that have no fix of their own.
 */
export function otherFormat(bytes: Uint8Array, give = 'a .safetensors file'): string | undefined {
  const format = told(bytes);
  return format && `${format.is}; ${format.fix ?? `give ${give}`}`;
}
