import type { Shape } from '../../../shape.ts';
import type { PyramidLevels } from '../../levels.ts';
import type { Size2 } from '../../spatial.ts';

/**
 * How many tiles of results x results pixels cover an image y [N,H,W,C], or the levels of a pyramid, and how many one line of them
 * (of an image): parameters of shaders.
 */
export function tilesOfImage(
  results: number,
  y: Shape,
  levels: PyramidLevels = [[y[1]!, y[2]!]],
): { readonly tiles: number; readonly tiles_w: number } {
  const along = (size: number): number => Math.ceil(size / results);
  const tilesOf = ([height, width]: Size2): number => along(height) * along(width);
  return { tiles: levels.reduce((sum, level) => sum + tilesOf(level), 0), tiles_w: along(y[2]!) };
}
