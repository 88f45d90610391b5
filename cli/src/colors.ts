import pc from 'picocolors';
import type { Output } from './output.ts';

/**
 * The colours of a stream: none where it is no terminal, whatever else the environment says (picocolors alone
 * would colour every pipe where CI is set), and none where NO_COLOR is set (no-color.org).
 */
export const colorsOf = (stream: Pick<Output, 'isTTY'>) =>
  pc.createColors(stream.isTTY === true && pc.isColorSupported && !process.env.NO_COLOR);
