/** Addresses of object stores, which stand where a path could. Here alone is decided what is one. */
import path from 'node:path';
import { UsageError } from 'fovea';

/** `s3://BUCKET/KEY`. */
export interface StoreAddress {
  readonly bucket: string;
  /** Without a slash at its end; '' for the whole bucket. */
  readonly key: string;
  /** Whether a slash was at its end. */
  readonly isFolder: boolean;
  /** As it is shown, without a slash at its end. */
  readonly url: string;
}

const SCHEME = /^([a-z][a-z0-9+.-]+):\/\//i;

/** Parses an address. Returns undefined for a path; throws UsageError for another scheme, and for an address without a bucket or with an empty part. */
export function addressOf(text: string): StoreAddress | undefined {
  const scheme = SCHEME.exec(text)?.[1];
  if (scheme === undefined) return undefined;
  if (scheme.toLowerCase() !== 's3') {
    throw new UsageError(
      `${scheme}://…: images and results are at paths or in S3, not addresses of the kind ${scheme}://; give a path, or s3://BUCKET/PREFIX`,
    );
  }
  const [bucket = '', ...parts] = text.slice('s3://'.length).split('/');
  // The text before an @ may be a password, so the message leaves it out.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/.test(bucket)) {
    throw new UsageError(
      's3://…: has no name of a bucket; give s3://BUCKET/PREFIX, with the credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    );
  }
  const isFolder = parts.at(-1) === '';
  if (isFolder) parts.pop();
  if (parts.some((part) => ['', '.', '..'].includes(part))) {
    throw new UsageError(`${text}: has a part that is empty, "." or ".."; give the key without them`);
  }
  const key = parts.join('/');
  return { bucket, key, isFolder, url: `s3://${bucket}${key === '' ? '' : `/${key}`}` };
}

/** The address or path of a name below another one. */
export function below(folder: string, name: string): string {
  const address = addressOf(folder);
  return address ? `${address.url}/${name}` : path.join(folder, name);
}

/** An address as it is; a path as one that does not depend on where a process runs. */
export const absolute = (folder: string, file: string): string =>
  addressOf(file) ? file : path.resolve(folder, file);

/** The parts of an address or path, to be compared with those of others. */
export function partsOf(file: string): string[] {
  const address = addressOf(file);
  if (address) return ['s3:', address.bucket, ...address.key.split('/').filter((part) => part !== '')];
  return path.resolve(file).split(path.sep);
}

/** Throws UsageError for an address where only a file of this machine will do. */
export function expectLocal(option: string, file: string | undefined): void {
  const address = file === undefined ? undefined : addressOf(file);
  if (!address) return;
  throw new UsageError(
    `${option} ${address.url}: is an address, and a file of this machine is needed; copy it here first`,
  );
}

/**
 * How results name their image: by the way from one to the other where both are in the file system or in one bucket, else by the address
 * of the image. An image of this machine is named as if the results were brought into its folder.
 *
 * @param out The folder of results.
 * @param name That of these, below it.
 * @param inside The image's path below the folder of all images.
 */
export function wayToImage(
  out: string,
  name: string,
  { file, inside }: { readonly file: string; readonly inside: string },
): string {
  const [to, from] = [addressOf(file), addressOf(out)];
  if (!to && !from) {
    const way = path.relative(path.dirname(path.resolve(out, name)), path.resolve(file));
    return way.split(path.sep).join('/');
  }
  if (!to) return path.posix.relative(path.posix.dirname(name), inside);
  if (to.bucket !== from?.bucket) return to.url;
  return path.posix.relative(path.posix.dirname(`/${from.key}/${name}`), `/${to.key}`);
}
