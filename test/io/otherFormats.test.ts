import { describe, expect, it } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { type OtherFormat, otherFormatOf } from '../../src/io/index.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/io/safetensors.ts';
import { loadOnnx, readOnnxWeights } from '../../src/onnx/index.ts';

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const bytes = (...start: number[]): Uint8Array => Uint8Array.from({ length: 200 }, (_, i) => start[i] ?? 7);
/** The head of a zip archive whose first entry has this name. */
const zip = (entry: string): Uint8Array => {
  const head = new Uint8Array(30);
  head.set([0x50, 0x4b, 3, 4]);
  return Uint8Array.of(...head, ...text(entry));
};

describe('a file of another kind in the place of weights', () => {
  it.each<[string, Uint8Array, RegExp]>([
    [
      'a Git LFS pointer',
      text(`version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 1234\n`),
      /is a Git LFS pointer, not the weights; run "git lfs pull"/,
    ],
    [
      'a web page',
      text('\n<!DOCTYPE html>\n<html><body>404</body></html>'),
      /is a web page, not weights; download/,
    ],
    ['an XML error', text('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'), /is a web page/],
    [
      'a PyTorch file',
      zip('archive/data.pkl'),
      /is a PyTorch file \(\.pt, a zip with a pickle\); load it with loadWeights/,
    ],
    ['another zip archive', zip('weights/model.json'), /is a zip archive, .*; unpack it/],
    ['an old PyTorch file', bytes(0x80, 2, 0x8a, 10), /is a Python pickle, .*; load it with loadWeights/],
    [
      'an index of shards',
      text('{\n  "metadata": {"total_size": 1},\n  "weight_map": {"a": "model-00001-of-00002.safetensors"}}'),
      /is the index of weights in several files; load it with loadWeights/,
    ],
    ['other JSON', text('{"abcd":{"e": 1}}'), /is a JSON file, not weights/],
    ['an ONNX model', bytes(0x08, 8, 0x12, 7), /is an ONNX model; load it with loadOnnx/],
    ['an HDF5 file', bytes(0x89, 0x48, 0x44, 0x46), /is an HDF5 file/],
    [
      'a Darknet file',
      bytes(0, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0),
      /is a Darknet weights file; .*YOLO\.fromDarknet/,
    ],
    ['an image', bytes(0xff, 0xd8, 0xff, 0xe0), /is an image, not weights/],
    [
      'a list of names',
      text('person\nbicycle\nküche\n'),
      /is a text file, not weights; give a \.safetensors file/,
    ],
    [
      'Darknet’s configuration',
      text('# YOLO\n[net]\nwidth=416\n'),
      /is a Darknet configuration, not weights; give/,
    ],
    ['nothing', new Uint8Array(), /the file is empty; copy or download it again/],
  ])('%s is named for what it is', (_, content, message) => {
    const decode = () => decodeSafetensors(content, 'model.safetensors');
    expect(decode).toThrow(DataError);
    expect(decode).toThrow(/^model\.safetensors: [^\n]+; [^\n]+$/);
    expect(decode).toThrow(message);
  });

  it.each<[OtherFormat | 'safetensors', Uint8Array, string]>([
    [
      'torch',
      zip('archive/data.pkl'),
      'is a PyTorch file (.pt, a zip with a pickle); load it with loadWeights, or convert it with "fovea weights convert"',
    ],
    [
      'pickle',
      bytes(0x80, 2, 0x8a, 10),
      'is a Python pickle, such as a PyTorch file (.pt, .pth); load it with loadWeights, or convert it with "fovea weights convert"',
    ],
    [
      'safetensors',
      encodeSafetensors({}),
      'is a safetensors file, weights without a model; load it with loadWeights',
    ],
    [
      'html',
      text('<!DOCTYPE html>'),
      'is a web page, not weights; download the file itself (on Hugging Face, its "resolve" address)',
    ],
    ['text', text('person\n'), 'is a text file, not weights; give an .onnx file'],
    ['empty', new Uint8Array(), 'the file is empty; copy or download it again'],
  ])('is named by loadOnnx, too: %s', (kind, content, message) => {
    const error = new DataError(`no ONNX model: ${message}`);
    expect(() => loadOnnx(content)).toThrow(error);
    expect(() => readOnnxWeights(content, { name: 'm.onnx' })).toThrow(
      new DataError(`m.onnx: ${error.message}`),
    );
    expect(otherFormatOf(content)).toBe(kind === 'safetensors' ? undefined : kind);
  });

  it('is not seen in a safetensors file that was cut, whatever the length of its header', () => {
    // Header lengths whose bytes look like a pickle, a gzip archive, an ONNX model, JSON.
    for (const length of [0x0280, 0x8b1f, 0x1208, 0x227b]) {
      const whole = encodeSafetensors({}, { note: 'x'.repeat(length - 30) });
      const cut = whole.subarray(0, 100);
      new DataView(cut.buffer).setBigUint64(0, BigInt(length), true);
      expect(() => decodeSafetensors(cut, 'cut')).toThrow(/header length \(bytes 0 to 7\) says/);
    }
  });
});
