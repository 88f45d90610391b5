import { DownloadError } from './failure.ts';

const refuse = (message: string): never => {
  throw new DownloadError(message, { retriable: false });
};

/**
 * A URL that may be asked for, without its fragment: hosts in lower case, numbers as IPv4 addresses (http://2130706433/ is 127.0.0.1).
 *
 * @param text As it is written.
 * @param base What it is relative to: where it stands in a redirect.
 * @throws DownloadError for what is no URL, another scheme than http and https, and a URL with a name or password.
 */
export function parseUrl(text: string, base?: URL): URL {
  if (!URL.canParse(text, base?.href)) return refuse('not a URL');
  const url = new URL(text, base?.href);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return refuse(`refused: only http and https, not ${url.protocol.slice(0, -1)}`);
  }
  if (url.username !== '' || url.password !== '') return refuse('refused: a name or password in the URL');
  url.hash = '';
  return url;
}
