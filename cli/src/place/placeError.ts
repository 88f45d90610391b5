import { DataError } from 'fovea';

/** The place of results cannot be used: the disk is full or read-only, a store is away. No image is to blame for it. */
export class PlaceError extends DataError {}
