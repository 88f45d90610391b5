import { Option } from 'commander';
import { whole } from '../optionValues.ts';

/** The most seconds that an image may take. */
export const IMAGE_SECONDS = 600;

/** Of whoever computes images: `--image-time`. */
export const imageTime = (): Option =>
  new Option(
    '--image-time <seconds>',
    'the most time that an image may take; what takes longer is left out (default: 600)',
  ).argParser(whole(1));
