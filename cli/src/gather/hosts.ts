import { setTimeout as sleep } from 'node:timers/promises';
import PQueue from 'p-queue';

/** What is known of a host while requests to it wait or run. */
interface Host {
  readonly queue: PQueue;
  /** No request begins before this time, by Date.now(). */
  notBefore: number;
}

/** Keeps requests to one host few and apart, however many hosts there are. A host is a name or an address, whatever the port. */
export class Hosts {
  readonly #perHost: number;
  readonly #signal: AbortSignal;
  readonly #hosts = new Map<string, Host>();

  /**
   * @param perHost Most requests to a host at a time.
   * @param signal Ends all waiting.
   */
  constructor(perHost: number, signal: AbortSignal) {
    this.#perHost = perHost;
    this.#signal = signal;
  }

  #host(url: URL): Host {
    const known = this.#hosts.get(url.hostname);
    if (known) return known;
    const host = { queue: new PQueue({ concurrency: this.#perHost }), notBefore: 0 };
    this.#hosts.set(url.hostname, host);
    return host;
  }

  /**
   * Does work for a URL when its host has a place free.
   *
   * @param delay Milliseconds between the beginnings of two requests to the host (Crawl-delay).
   */
  async run<T>(url: URL, delay: number, work: () => Promise<T>): Promise<T> {
    const host = this.#host(url);
    try {
      return await host.queue.add(async () => {
        await this.#turn(host, delay);
        return work();
      });
    } finally {
      const idle = host.queue.size === 0 && host.queue.pending <= 1 && host.notBefore <= Date.now();
      if (idle) this.#hosts.delete(url.hostname);
    }
  }

  /** Waits until the host may be asked, and keeps the next request away for the delay. */
  async #turn(host: Host, delay: number): Promise<void> {
    // The host may ask for a pause while this waits.
    for (;;) {
      this.#signal.throwIfAborted();
      const wait = host.notBefore - Date.now();
      if (wait <= 0) break;
      await sleep(wait, undefined, { signal: this.#signal });
    }
    if (delay > 0) host.notBefore = Date.now() + delay;
  }

  /** No request to the host of this URL begins for some milliseconds. */
  pause(url: URL, wait: number): void {
    const host = this.#host(url);
    host.notBefore = Math.max(host.notBefore, Date.now() + wait);
  }
}
