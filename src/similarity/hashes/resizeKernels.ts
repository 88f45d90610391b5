import { defineKernel } from '../../kernels/kernel.ts';
import greyShader from '../../wgsl/image/hash_grey.wgsl';
import resizeShader from '../../wgsl/image/hash_resize.wgsl';

/** Words of an image of so many bytes. */
export const wordsFor = (bytes: number): number => Math.ceil(bytes / 4);

/** Images in grey: pixels u32 [N, words of width x height x channels bytes] -> grey u32 [N, words of width x height bytes]. */
export const hashGreyKernel = defineKernel({
  name: 'hash_grey',
  inputs: ['pixels'],
  outputs: ['grey'],
  attributes: ['size', 'channels'],
  infer({ pixels }, { size }: { readonly size: number; readonly channels: number }) {
    return { grey: { shape: [pixels.shape[0]!, wordsFor(size)], dtype: 'u32' } };
  },
  dispatches(_caps, { pixels }, { grey }, { channels }) {
    const [images, words] = pixels.shape as [number, number];
    const own = grey.shape[1]!;
    return {
      dispatches: [
        {
          shader: greyShader,
          params: { words_in: words, words_out: own, images, channels },
          grid: images * own,
        },
      ],
    };
  },
});

/** Attributes of the two passes: the size of the images before. */
interface Sized {
  readonly width: number;
  readonly height: number;
}

/** Rows resized: values u32 [N, words of bytes], taps u32 [to, stride], see the shader -> u32 [N, height, to]. */
export const hashRowsKernel = defineKernel({
  name: 'hash_rows',
  inputs: ['values', 'taps'],
  outputs: ['resized'],
  attributes: ['width', 'height'],
  infer({ values, taps }, { height }: Sized) {
    return { resized: { shape: [values.shape[0]!, height, taps.shape[0]!], dtype: 'u32' } };
  },
  dispatches(_caps, { values, taps }, { resized }, { width, height }) {
    const [to, stride] = taps.shape as [number, number];
    const total = resized.shape.reduce((a, b) => a * b, 1);
    const lines = { lines: height, in_line: width, in_step: 1, out_line: to, out_step: 1 };
    return {
      dispatches: [
        {
          shader: resizeShader,
          constants: { PACKED: true },
          params: { total, to, in_image: values.shape[1]!, ...lines, stride },
          grid: total,
        },
      ],
    };
  },
});

/** Columns resized: values u32 [N, height, width], taps u32 [to, stride] -> u32 [N, to, width]. */
export const hashColumnsKernel = defineKernel({
  name: 'hash_columns',
  inputs: ['values', 'taps'],
  outputs: ['resized'],
  attributes: ['width', 'height'],
  infer({ values, taps }, { width }: Sized) {
    return { resized: { shape: [values.shape[0]!, taps.shape[0]!, width], dtype: 'u32' } };
  },
  dispatches(_caps, { taps }, { resized }, { width, height }) {
    const [to, stride] = taps.shape as [number, number];
    const total = resized.shape.reduce((a, b) => a * b, 1);
    const lines = { lines: width, in_line: 1, in_step: width, out_line: 1, out_step: width };
    return {
      dispatches: [
        {
          shader: resizeShader,
          constants: { PACKED: false },
          params: { total, to, in_image: width * height, ...lines, stride },
          grid: total,
        },
      ],
    };
  },
});
