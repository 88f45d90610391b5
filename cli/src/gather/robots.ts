import robotsParser from 'robots-parser';
import { DownloadError } from './failure.ts';

/** What a site's robots.txt says to this program. */
export interface SiteRules {
  allows(url: URL): boolean;
  /** Milliseconds between two requests (Crawl-delay). */
  readonly delay: number;
}

/** Those of a site that says nothing. */
export const FREE: SiteRules = { allows: () => true, delay: 0 };

/** RFC 9309, section 2.5: parsers have to take 500 KiB. */
export const ROBOTS_BYTES = 500 * 1024;

/** X-Robots-Tag directives that forbid to use an image; img2dataset's list. */
const FORBIDDING = ['noai', 'noimageai', 'noindex', 'noimageindex'];

/** The name by which robots.txt knows a program: of `fovea/0.2.0 (+https://…)` it is `fovea`. */
const productOf = (userAgent: string): string => userAgent.split(/[/\s(]/, 1)[0]!.toLowerCase();

/** Directives with a value: what stands before their colon is not the name of a program. */
const WITH_VALUE = ['max-image-preview', 'max-snippet', 'max-video-preview', 'unavailable_after'];

/**
 * The directive of X-Robots-Tag headers that forbids this program to use the content; undefined where none does. Directives may be for one
 * program, whose name stands before them: `otherbot: noindex, nofollow`.
 */
export function forbiddingTag(headers: readonly string[], userAgent: string): string | undefined {
  const product = productOf(userAgent);
  for (const header of headers) {
    let meant = true;
    for (const part of header.toLowerCase().split(',')) {
      const [, name, rest] = /^([^:]*):(.*)$/s.exec(part) ?? [];
      const forOne = name !== undefined && !WITH_VALUE.includes(name.trim());
      if (forOne) meant = name.trim() === product;
      const directive = (forOne ? rest! : part).trim();
      if (meant && FORBIDDING.includes(directive)) return directive;
    }
  }
  return undefined;
}

/** Reads robots.txt (RFC 9309, with Crawl-delay) as it is meant for a program. */
function rulesOf(site: URL, text: string, userAgent: string): SiteRules {
  const product = productOf(userAgent);
  const robots = robotsParser(site.href, text);
  const delay = robots.getCrawlDelay(product) ?? 0;
  return {
    // Undefined for what is not of this site.
    allows: (url) => robots.isAllowed(url.href, product) ?? true,
    delay: Math.max(0, delay) * 1000,
  };
}

/** Whether there is no robots.txt, by the status of its answer. Too many requests are a matter of time. */
const isMissing = (status = 0): boolean => status >= 400 && status < 500 && status !== 429;

/** So many sites are remembered. A list is worked off in turns of fewer hosts, so that each is read once. */
const REMEMBERED = 10_000;

/** The rules of sites, each read once. */
export class Robots {
  readonly #userAgent: string;
  readonly #fetch: (url: URL) => Promise<string>;
  /** The one that was asked for last is the last. */
  readonly #sites = new Map<string, Promise<SiteRules>>();

  /**
   * @param userAgent What the program calls itself.
   * @param fetch Gets the text of a robots.txt, at most its first `ROBOTS_BYTES`; DownloadError where that fails.
   */
  constructor(userAgent: string, fetch: (url: URL) => Promise<string>) {
    this.#userAgent = userAgent;
    this.#fetch = fetch;
  }

  /**
   * The rules of a URL's site. A robots.txt that is not there (400 to 499) allows everything. One that cannot be had (500 to 599, 429, no
   * connection) forbids everything: DownloadError.
   */
  rules(url: URL): Promise<SiteRules> {
    const known = this.#sites.get(url.origin);
    const rules = known ?? this.#read(new URL('/robots.txt', url.origin));
    // Whoever asks gets the error.
    if (!known) rules.catch(() => undefined);
    this.#sites.delete(url.origin);
    this.#sites.set(url.origin, rules);
    if (this.#sites.size > REMEMBERED) this.#sites.delete(this.#sites.keys().next().value!);
    return rules;
  }

  async #read(site: URL): Promise<SiteRules> {
    try {
      return rulesOf(site, await this.#fetch(site), this.#userAgent);
    } catch (error) {
      if (!(error instanceof DownloadError)) throw error;
      if (isMissing(error.httpStatus)) return FREE;
      const message = error.httpStatus === undefined ? error.message : `robots.txt: ${error.message}`;
      throw new DownloadError(message, { retriable: false, cause: error });
    }
  }
}
