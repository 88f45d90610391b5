/** Bytes per call of `fromCharCode`: as many as any engine takes as arguments. */
const PART = 4096;

/** Writes bytes as base64. */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += PART) {
    binary += String.fromCharCode(...bytes.subarray(at, at + PART));
  }
  return btoa(binary);
}

/** Reads base64. Throws DOMException for other text. */
export const decodeBase64 = (text: string): Uint8Array =>
  Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
