/** Defaults of the commands. */

/** The most seconds that an image may take. */
export const IMAGE_SECONDS = 600;
/** Redis's prefix of keys, PostgreSQL's schema. */
export const NAMESPACE = 'fovea';
