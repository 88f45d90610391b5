import type { MaskPatch } from './annotation.ts';
import type { Sample } from './dataset.ts';

/** Pixels that all threads see, where threads can share memory: in a page that is only if it is cross-origin isolated. */
function sharedPixels(data: Float32Array): Float32Array {
  if (typeof SharedArrayBuffer === 'undefined' || data.buffer instanceof SharedArrayBuffer) return data;
  const shared = new Float32Array(new SharedArrayBuffer(data.byteLength));
  shared.set(data);
  return shared;
}

const plainPatch = ({ x, y, width, height, data }: MaskPatch): MaskPatch => ({ x, y, width, height, data });

/** A region or shape whose mask is plain data. */
const withPlainMask = <S extends { readonly mask?: MaskPatch }>(shape: S): S =>
  shape.mask ? { ...shape, mask: plainPatch(shape.mask) } : shape;

/** Samples as plain data that is sent to workers. A sample that is listed several times is one still. */
export function sharedSamples(samples: readonly Sample[]): Sample[] {
  const known = new Map<Sample, Sample>();
  const plain = ({ name, image, annotation, region }: Sample): Sample => {
    const { width, height, channels } = image;
    const { shapes, ignored, unlabelled } = annotation;
    return {
      name,
      image: { width, height, channels, data: sharedPixels(image.data) },
      annotation: {
        width: annotation.width,
        height: annotation.height,
        shapes: shapes.map(withPlainMask),
        ...(ignored ? { ignored: ignored.map(withPlainMask) } : {}),
        ...(unlabelled ? { unlabelled: plainPatch(unlabelled) } : {}),
      },
      ...(region ? { region } : {}),
    };
  };
  return samples.map((sample) => {
    const found = known.get(sample) ?? plain(sample);
    known.set(sample, found);
    return found;
  });
}
