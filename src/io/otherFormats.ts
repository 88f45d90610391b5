/** What a file is that was given in the place of weights, by its first bytes. */
import { expectArguments } from '../arguments.ts';

/** What a file of another format is, and what to do about it, as the end of a message. */
interface Format {
  readonly matches: (bytes: Uint8Array, text: string) => boolean;
  readonly message: string;
}

const begins =
  (...signature: number[]) =>
  (bytes: Uint8Array): boolean =>
    signature.every((byte, i) => bytes[i] === byte);
const CONVERT = 'load it with loadWeights, or convert it with "fovea weights convert"';

// In this order: an index of shards is a JSON file, too.
const FORMATS: readonly Format[] = [
  { matches: ({ length }) => length === 0, message: 'the file is empty; copy or download it again' },
  {
    matches: (_, text) => text.startsWith('version https://git-lfs'),
    message: 'is a Git LFS pointer, not the weights; run "git lfs pull" to download them',
  },
  {
    matches: (_, text) => /^\s*<(!doctype|html|head|\?xml|!--)/i.test(text),
    message: 'is a web page, not weights; download the file itself (on Hugging Face, its "resolve" address)',
  },
  {
    matches: (_, text) => /^\s*\{/.test(text) && text.includes('"weight_map"'),
    message:
      'is the index of weights in several files; load it with loadWeights, or merge them with "fovea weights convert"',
  },
  {
    matches: (_, text) => /^\s*\{/.test(text) && /"modelTopology"|"weightsManifest"/.test(text),
    message: 'is a model of TensorFlow.js; load it with loadWeights, or as a module with loadTfjs',
  },
  {
    matches: (_, text) => /^\s*[{[]\s*["{}[\]\d]/.test(text),
    message: 'is a JSON file, not weights; give a .safetensors file',
  },
  {
    matches: (bytes, text) => begins(0x50, 0x4b, 3, 4)(bytes) && /data\.pkl|\/version|byteorder/.test(text),
    message: `is a PyTorch file (.pt, a zip with a pickle); ${CONVERT}`,
  },
  {
    matches: begins(0x50, 0x4b, 3, 4),
    message: `is a zip archive, such as a PyTorch file (.pt); unpack it, or ${CONVERT}`,
  },
  // A pickle of protocol 2 to 5.
  {
    matches: (bytes) => bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5,
    message: `is a Python pickle, such as a PyTorch file (.pt, .pth); ${CONVERT}`,
  },
  // A ModelProto: its version of the format, 3 to 15, then its next field.
  {
    matches: isOnnx,
    message: 'is an ONNX model; load it with loadOnnx, or its weights with readOnnxWeights',
  },
  {
    matches: begins(0x89, 0x48, 0x44, 0x46),
    message: 'is an HDF5 file (Keras); export the weights as .safetensors',
  },
  { matches: begins(0x47, 0x47, 0x55, 0x46), message: 'is a GGUF model; give a .safetensors file' },
  {
    matches: (_, text) => text.slice(4, 8) === 'TFL3',
    message: 'is a TensorFlow Lite model; give a .safetensors file',
  },
  {
    matches: (_, text) => text.startsWith('\u0093NUMPY'),
    message: 'is a NumPy array; save the weights with safetensors.numpy.save_file(…)',
  },
  // Darknet's weights: version 0.1 or 0.2 as two i32.
  {
    matches: (bytes) =>
      begins(0, 0, 0, 0)(bytes) && [1, 2].includes(bytes[4]!) && begins(0, 0, 0)(bytes.subarray(5)),
    message: 'is a Darknet weights file; load it with YOLO.fromDarknet(cfg, weights)',
  },
  { matches: begins(0x1f, 0x8b), message: 'is a gzip archive; unpack it' },
  {
    matches: (bytes) => begins(0x89, 0x50, 0x4e, 0x47)(bytes) || begins(0xff, 0xd8, 0xff)(bytes),
    message: 'is an image, not weights; give a .safetensors file',
  },
  {
    matches: (_, text) => text.startsWith('[net]') || /^\s*(#.*\n\s*)*\[net\]/.test(text),
    message: 'is a Darknet configuration, not weights; give a .safetensors file',
  },
];

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

/** What a file is that is no safetensors file, and the fix: `is a Git LFS pointer, …; run …`. Undefined for unknown content. */
export function otherFormat(bytes: Uint8Array): string | undefined {
  const start = bytes.subarray(0, SEEN);
  if (isSafetensors(bytes)) return undefined;
  // Latin-1: one character per byte, whatever the bytes are.
  const text = String.fromCharCode(...start);
  return FORMATS.find(({ matches }) => matches(start, text))?.message;
}
