import { DataError } from 'fovea';
import { readFileBytes } from 'fovea/io';
import type { AnchorLayout } from 'fovea/vision';

function parsed(text: string, file: string): { readonly fitted?: Partial<Record<string, unknown>> } | null {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataError(`${file}: is not a JSON file (${(cause as Error).message}); ${FROM_ANCHORS}`, {
      cause,
    });
  }
}

/** The anchors in a file that `fovea anchors --json` wrote. Throws DataError for any other. */
export async function readAnchors(file: string): Promise<AnchorLayout> {
  const text = new TextDecoder().decode(await readFileBytes(file));
  const json = parsed(text, file);
  const fitted = typeof json === 'object' ? json?.fitted : undefined;
  const numbers = (value: unknown): value is number[] =>
    Array.isArray(value) && value.length > 0 && value.every((side) => Number.isFinite(side) && side > 0);
  const lists = (value: unknown): value is number[][] =>
    Array.isArray(value) && value.length > 0 && value.every(numbers);
  if (fitted?.kind === 'pyramid' && lists(fitted.sizes) && numbers(fitted.aspectRatios)) {
    return { kind: 'pyramid', sizes: fitted.sizes, aspectRatios: fitted.aspectRatios };
  }
  if (
    fitted?.kind === 'list' &&
    lists(fitted.anchors) &&
    fitted.anchors.every((sides) => sides.length === 2)
  ) {
    const anchors = fitted.anchors as unknown as [number, number][];
    return { kind: 'list', count: anchors.length, anchors };
  }
  throw new DataError(`${file}: contains no fitted anchors; ${FROM_ANCHORS}`);
}

const FROM_ANCHORS = 'write it with fovea anchors --json';
