import { StoreError } from './errors.ts';

/**
 * SHA-256 of a file, in hex.
 *
 * @throws StoreError ('other') on a page without a secure connection, where browsers offer no digests.
 */
export async function digestOf(content: Blob): Promise<string> {
  if (typeof crypto === 'undefined' || !crypto.subtle) {
    const why = 'browsers compute digests on https:// and http://localhost only; open the page there';
    throw new StoreError('other', 'reading a file', why);
  }
  const digest = await crypto.subtle.digest('SHA-256', await content.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
