import PQueue from 'p-queue';
import type { Agent } from 'undici';
import type { AddressRules } from './address.ts';
import { createAgent } from './agent.ts';
import { type AttemptOptions, withAttempts } from './attempts.ts';
import { DownloadError } from './failure.ts';
import { Hosts } from './hosts.ts';
import { type Answer, type RequestLimits, request } from './request.ts';
import { FREE, forbiddingTag, ROBOTS_BYTES, Robots } from './robots.ts';
import { parseUrl } from './url.ts';

/** How URLs are fetched. */
export interface DownloadOptions extends AttemptOptions {
  /** Most requests at a time. */
  readonly concurrency: number;
  /** Most requests to one host at a time. */
  readonly perHost: number;
  readonly addresses: AddressRules;
  /** Milliseconds of a request, and of a part of it in which nothing arrives. */
  readonly timeout: number;
  readonly stallTimeout: number;
  readonly maxBytes: number;
  readonly maxRedirects: number;
  readonly userAgent: string;
  /** Whether robots.txt and X-Robots-Tag are not heeded. */
  readonly ignoreRobots: boolean;
}

/** What was downloaded. */
export interface Downloaded {
  readonly bytes: Buffer;
  readonly contentType: string;
  /** Where redirects led. */
  readonly url: URL;
  /** Whether the server said where the body ends; see `Answer`. */
  readonly bounded: boolean;
}

type Body = Extract<Answer, { kind: 'body' }>;

/** RFC 9309, section 2.3.1.2: after five redirects robots.txt may count as missing. */
const ROBOTS_REDIRECTS = 5;

class RedirectError extends DownloadError {}

/** Where a redirect leads. Throws DownloadError for a circle, too many of them, and what may not be asked. */
function redirected(from: URL, to: string, seen: ReadonlySet<string>, most: number): URL {
  const next = parseUrl(to, from);
  if (seen.has(next.href)) throw new RedirectError('redirects lead in a circle', { retriable: false });
  if (seen.size > most) {
    throw new RedirectError(`more than ${most} redirects (--max-redirects)`, { retriable: false });
  }
  return next;
}

/** Fetches URLs within limits: few at a time, fewer from one host, as robots.txt allows, from public addresses. */
export class Downloader {
  readonly #options: DownloadOptions;
  readonly #signal: AbortSignal;
  readonly #hosts: Hosts;
  readonly #slots: PQueue;
  readonly #robots: Robots;

  /** @param signal Ends all that is under way. */
  constructor(options: DownloadOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    const { addresses: rules, perHost: connections, stallTimeout: timeout } = options;
    this.#hosts = new Hosts(connections, () => createAgent({ rules, connections, timeout }), signal);
    this.#slots = new PQueue({ concurrency: options.concurrency });
    this.#robots = new Robots(options.userAgent, (url) => this.#robotsText(url));
  }

  /**
   * Fetches a URL, through redirects, and again where it fails with what may pass.
   *
   * @param start The URL; see `parseUrl`.
   * @param use What is done with it. Meanwhile it counts as one of those that are fetched at a time, so that no more of them are in memory.
   * May throw a DownloadError, too.
   * @throws DownloadError where the URL gives nothing.
   */
  get<T>(start: URL, use: (downloaded: Downloaded) => Promise<T>): Promise<T> {
    const { ignoreRobots, maxWait, userAgent } = this.#options;
    const limits = { ...this.#options, longer: 'fails' } as const;
    return this.#attempts(
      start,
      async (url) => {
        const site = ignoreRobots ? FREE : await this.#robots.rules(url);
        if (!site.allows(url)) throw new DownloadError('robots.txt disallows it', { retriable: false });
        if (site.delay > maxWait) {
          const delay = site.delay / 1000;
          throw new DownloadError(`robots.txt asks for ${delay} s between requests (--max-wait)`, {
            retriable: false,
          });
        }
        return this.#ask(url, site.delay, limits, async ({ robotsTags, ...body }) => {
          const tag = ignoreRobots ? undefined : forbiddingTag(robotsTags, userAgent);
          if (tag !== undefined) throw new DownloadError(`X-Robots-Tag: ${tag}`, { retriable: false });
          return use({ ...body, url });
        });
      },
      this.#options.maxRedirects,
    );
  }

  async #robotsText(start: URL): Promise<string> {
    const limits = { ...this.#options, maxBytes: ROBOTS_BYTES, longer: 'is cut' } as const;
    const text = async ({ bytes }: Body): Promise<string> => new TextDecoder().decode(bytes);
    try {
      return await this.#attempts(start, (url) => this.#ask(url, 0, limits, text), ROBOTS_REDIRECTS);
    } catch (error) {
      if (error instanceof RedirectError) return '';
      throw error;
    }
  }

  /** Follows redirects, each hop by `hop`, and tries again. */
  #attempts<T>(start: URL, hop: (url: URL) => Promise<Hop<T>>, most: number): Promise<T> {
    const once = async (): Promise<T> => {
      let url = start;
      for (const seen = new Set([url.href]); ; seen.add(url.href)) {
        const found = await hop(url);
        if (found.kind === 'used') return found.value;
        url = redirected(url, found.to, seen, most);
      }
    };
    return withAttempts(once, this.#options, this.#signal);
  }

  /** One request, when it is its turn, and the use of its body. Where the server asks for a pause, its host gets it. */
  #ask<T>(url: URL, delay: number, limits: RequestLimits, use: (body: Body) => Promise<T>): Promise<Hop<T>> {
    const once = async (agent: Agent): Promise<Hop<T>> => {
      try {
        const answer = await request(agent, url, this.#headers(), limits, this.#signal);
        return answer.kind === 'redirect' ? answer : { kind: 'used', value: await use(answer) };
      } catch (error) {
        const wait = error instanceof DownloadError ? (error.retryAfter ?? 0) * 1000 : 0;
        // Before the next one begins. A server that asks for more may mean this URL alone.
        if (wait > 0 && wait <= this.#options.maxWait) this.#hosts.pause(url, wait);
        throw error;
      }
    };
    return this.#hosts.run(url, delay, (agent) => this.#slots.add(() => once(agent)));
  }

  #headers(): Record<string, string> {
    return {
      'user-agent': this.#options.userAgent,
      accept: 'image/jpeg,image/png,image/webp,image/*;q=0.8,*/*;q=0.5',
      // Images are compressed as they are.
      'accept-encoding': 'identity',
    };
  }

  /** Closes the connections. */
  close(): Promise<void> {
    return this.#hosts.close();
  }
}

type Hop<T> =
  | { readonly kind: 'redirect'; readonly to: string }
  | { readonly kind: 'used'; readonly value: T };
