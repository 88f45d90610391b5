/** The statuses of img2dataset: an image was stored; no bytes came; what came is no image that can be used. */
export type Status = 'success' | 'failed_to_download' | 'failed_to_resize';

/** Why a URL gave no image. Its message is the `error_message` of the record: short, the same for the same cause, and without the URL. */
export class DownloadError extends Error {
  readonly status: Exclude<Status, 'success'>;
  /** Whether it may pass: another try is worth it. */
  readonly retriable: boolean;
  /** Seconds that the server asks to wait before it. */
  readonly retryAfter: number | undefined;
  /** The status of the answer, where that is the failure. */
  readonly httpStatus: number | undefined;

  constructor(
    message: string,
    options: {
      readonly retriable: boolean;
      readonly status?: Exclude<Status, 'success'>;
      readonly retryAfter?: number | undefined;
      readonly httpStatus?: number;
      readonly cause?: unknown;
    },
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.status = options.status ?? 'failed_to_download';
    this.retriable = options.retriable;
    this.retryAfter = options.retryAfter;
    this.httpStatus = options.httpStatus;
  }
}

/** What is wrong with bytes that were downloaded. */
export const imageError = (message: string, cause?: unknown): DownloadError =>
  new DownloadError(message, { status: 'failed_to_resize', retriable: false, cause });
