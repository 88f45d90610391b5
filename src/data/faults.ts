import { DataError } from '../errors.ts';

/** The kinds of faults in data sets, as summaries count them. */
export const FAULT_KINDS = [
  '12-bit pixels',
  'class name',
  'clipped at the border',
  'damaged image',
  'duplicate',
  'encoding',
  'in several parts',
  'inside out',
  'mask value',
  'missing annotation',
  'missing image',
  'no area',
  'not a number',
  'not an image',
  'not JSON',
  'outside of the image',
  'path',
  'run lengths',
  'size differs',
  'structure',
  'too large',
  'unknown class',
  'unsupported shape',
  'other',
] as const;

/** A kind of fault in a data set. */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** A DataError about something in a data set, with its kind. */
export class BadData extends DataError {
  /** The kind of fault, as summaries count them. */
  readonly kind: FaultKind;

  /**
   * @param kind The kind of fault.
   * @param message File, place, problem and fix. Line breaks become blanks.
   * @param options The cause.
   */
  constructor(kind: FaultKind, message: string, options?: ErrorOptions) {
    // Text of the file may be in it.
    super(message.replace(/[\r\n\u2028\u2029]+/g, ' '), options);
    this.kind = kind;
    this.name = 'DataError';
  }
}

/** The way out for everything that can be left out. */
const LEAVE_OUT = 'leave out what is bad (--skip-bad)';

/** The same error with the way out that all of them have which `skipBad` can leave out. */
export function withHint(error: DataError): DataError {
  if (error.message.includes(LEAVE_OUT)) return error;
  return new BadData(kindOf(error), `${error.message}, or ${LEAVE_OUT}`, { cause: error });
}

export const kindOf = (error: DataError): FaultKind => (error instanceof BadData ? error.kind : 'other');

/**
 * What a reader left out or changed: a `part` of an object (the object stays), an `object`, the annotation of an image and with
 * it the image (`annotation`), an `image`, or a `class` in the list of classes. A `note` is something that was changed and then used.
 */
export interface DataFault {
  readonly level: 'note' | 'part' | 'object' | 'annotation' | 'image' | 'class';
  readonly kind: FaultKind;
  /** The whole message: file, place, problem. */
  readonly message: string;
}
