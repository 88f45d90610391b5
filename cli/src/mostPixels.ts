/** An image is decoded whole: as many pixels as Pillow decodes before it takes an image for a bomb. */
export const MOST_PIXELS = 178_956_970;
