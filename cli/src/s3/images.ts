/** Images in an object store. */
import { DataError } from 'fovea';
import { BadData, isImageFile } from 'fovea/data';
import { addressOf, type StoreAddress } from '../address.ts';
import { Bucket } from './bucket.ts';
import { ObjectError } from './errors.ts';

/** An image's bytes. Throws BadData where there is none, StoreError where the store does not answer. */
export async function storedImage({ bucket, key, url }: StoreAddress): Promise<Uint8Array> {
  const bytes = await new Bucket(bucket).get(key).catch((error) => {
    if (error instanceof ObjectError) throw new BadData('missing image', error.message, { cause: error });
    throw error;
  });
  if (bytes) return bytes;
  throw new BadData('missing image', `${url}: there is no such object; check the address`);
}

/** What stands below an address, and is an image by its name; the results are not looked at. */
async function imagesBelow(
  bucket: Bucket,
  { key }: StoreAddress,
  { out, isClutter }: StoredImageOptions,
): Promise<string[]> {
  const prefix = key === '' ? '' : `${key}/`;
  const results = out === undefined ? undefined : addressOf(out);
  const ownKey = results?.bucket === bucket.name ? `${results.key}/` : undefined;
  const found: string[] = [];
  for await (const one of bucket.keys(prefix)) {
    const isOwn =
      ownKey !== undefined && ownKey !== '/' && ownKey.length > prefix.length && one.startsWith(ownKey);
    const inside = one.slice(prefix.length).split('/');
    if (!isOwn && isImageFile(one) && !inside.some(isClutter)) found.push(one);
  }
  return found.sort((a, b) => (a < b ? -1 : 1));
}

export interface StoredImageOptions {
  /** Where the results will be. */
  readonly out?: string | undefined;
  /** Whether a part of a key is what systems leave in folders. */
  readonly isClutter: (name: string) => boolean;
}

/**
 * The addresses of images: a key with the extension of an image is that image, and of anything else all images below it, by their keys.
 *
 * @throws DataError where there is none; UsageError for a key that can be no file's name.
 */
export async function storedImages(address: StoreAddress, options: StoredImageOptions): Promise<string[]> {
  const { key, url, isFolder } = address;
  if (!isFolder && key !== '' && isImageFile(key)) return [url];
  const bucket = new Bucket(address.bucket);
  const keys = await imagesBelow(bucket, address, options);
  if (keys.length === 0 && !isFolder && key !== '' && (await bucket.has(key))) return [url];
  if (keys.length === 0) throw new DataError(`${url}: there is no image below it; check the address`);
  const found = keys.map((one) => `s3://${address.bucket}/${one}`);
  // As an address that a user gave.
  for (const one of found) addressOf(one);
  return found;
}
