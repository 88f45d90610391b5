/** Where an object store is and who asks, from the variables that other programs of S3 know. */
import { StoreError } from './errors.ts';

export interface StoreSettings {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly region: string;
  /** Without a slash at its end. */
  readonly endpoint: string;
  /** Whether the bucket is a part of the path, not of the host's name. */
  readonly pathStyle: boolean;
}

function endpointOf(text: string): string {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // Below.
  }
  // The text itself may hold a password.
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new StoreError(
      'AWS_ENDPOINT_URL: is no address that can be used; give one such as https://HOST:9000, without a user or a password',
    );
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** The settings for a bucket. Throws StoreError where the environment has no credentials. */
export function storeSettings(bucket: string, env: NodeJS.ProcessEnv = process.env): StoreSettings {
  const value = (...names: readonly string[]): string | undefined =>
    names.map((name) => env[name]?.trim()).find((text) => text !== undefined && text !== '');
  const accessKeyId = value('AWS_ACCESS_KEY_ID');
  const secretAccessKey = value('AWS_SECRET_ACCESS_KEY');
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    const missing = accessKeyId === undefined ? 'AWS_ACCESS_KEY_ID' : 'AWS_SECRET_ACCESS_KEY';
    throw new StoreError(
      `s3://${bucket}: there are no credentials (${missing} is not set); set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
    );
  }
  const sessionToken = value('AWS_SESSION_TOKEN');
  const region = value('AWS_REGION', 'AWS_DEFAULT_REGION') ?? 'us-east-1';
  const own = value('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL');
  const host = `s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  // A certificate for *.HOST does not hold for a bucket with a dot.
  const pathStyle = own !== undefined || /[.A-Z_]/.test(bucket);
  const endpoint = own === undefined ? `https://${pathStyle ? '' : `${bucket}.`}${host}` : endpointOf(own);
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    region,
    endpoint,
    pathStyle,
  };
}
