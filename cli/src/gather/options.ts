/**
 * Which images are kept: of those of the same bytes the first (bytes), of them only those that look like none before (hash), or all
 * (none).
 */
export const DEDUPE = ['bytes', 'hash', 'none'] as const;
export type Dedupe = (typeof DEDUPE)[number];

/** What images are written as: as they came, or in one format. */
export const FORMATS = ['keep', 'jpg', 'png', 'webp'] as const;
export type Format = (typeof FORMATS)[number];

/** The options of fovea gather, as they are given: times in seconds. */
export interface GatherCommandOptions {
  readonly out: string;
  readonly urlColumn?: string;
  readonly concurrency?: number;
  readonly perHost?: number;
  readonly retries?: number;
  readonly retryDelay?: number;
  readonly maxWait?: number;
  readonly timeout?: number;
  readonly stallTimeout?: number;
  readonly maxBytes?: number;
  readonly maxPixels?: number;
  readonly maxRedirects?: number;
  readonly size?: number;
  readonly format?: Format;
  readonly quality?: number;
  readonly dedupe?: Dedupe;
  readonly distance?: number;
  readonly allowPrivate?: boolean;
  readonly allowAddress?: string;
  readonly ignoreRobots?: boolean;
  readonly userAgent?: string;
  readonly skipFailed?: boolean;
}

/** What is taken where an option is not given. */
export const DEFAULTS = {
  concurrency: 16,
  perHost: 2,
  retries: 2,
  retryDelay: 1,
  maxWait: 120,
  timeout: 60,
  stallTimeout: 15,
  maxBytes: 2 ** 25,
  maxPixels: 2 ** 26,
  maxRedirects: 5,
  format: 'keep',
  quality: 95,
  dedupe: 'bytes',
  distance: 4,
  allowPrivate: false,
  ignoreRobots: false,
  skipFailed: false,
} as const satisfies Partial<GatherCommandOptions>;
