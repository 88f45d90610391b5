import { setTimeout as sleep } from 'node:timers/promises';
import PQueue from 'p-queue';
import type { Agent } from 'undici';

/** What is kept of a host. */
interface Host {
  readonly queue: PQueue;
  /** Its connections. */
  readonly agent: Agent;
  /** Requests that wait or run. */
  requests: number;
  /** No request begins before this time, by Date.now(). */
  notBefore: number;
}

/** So many hosts are remembered, with their connections, while nothing is asked of them. */
const REMEMBERED = 1000;

/** Keeps requests to one host few and apart, however many hosts there are. A host is a name or an address, whatever the port. */
export class Hosts {
  readonly #perHost: number;
  readonly #newAgent: () => Agent;
  readonly #signal: AbortSignal;
  /** The one that was asked last is the last. */
  readonly #hosts = new Map<string, Host>();

  /**
   * @param perHost Most requests to a host at a time.
   * @param newAgent Makes the connections to a host.
   * @param signal Ends all waiting.
   */
  constructor(perHost: number, newAgent: () => Agent, signal: AbortSignal) {
    this.#perHost = perHost;
    this.#newAgent = newAgent;
    this.#signal = signal;
  }

  #host({ hostname }: URL): Host {
    let host = this.#hosts.get(hostname);
    if (!host) {
      this.#forget();
      const queue = new PQueue({ concurrency: this.#perHost });
      host = { queue, agent: this.#newAgent(), requests: 0, notBefore: 0 };
    }
    this.#hosts.delete(hostname);
    this.#hosts.set(hostname, host);
    return host;
  }

  /** Makes room for a host, if there is one of which nothing is wanted. */
  #forget(): void {
    if (this.#hosts.size < REMEMBERED) return;
    for (const [name, { agent, requests, notBefore }] of this.#hosts) {
      if (requests > 0 || notBefore > Date.now()) continue;
      this.#hosts.delete(name);
      void agent.close();
      return;
    }
  }

  /**
   * Does work for a URL when its host has a place free.
   *
   * @param delay Milliseconds between the beginnings of two requests to the host (Crawl-delay).
   * @param work What is done, with the connections to the host.
   */
  async run<T>(url: URL, delay: number, work: (agent: Agent) => Promise<T>): Promise<T> {
    const host = this.#host(url);
    host.requests++;
    try {
      return await host.queue.add(async () => {
        await this.#turn(host, delay);
        return work(host.agent);
      });
    } finally {
      host.requests--;
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

  /** Closes all connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#hosts.values()].map(({ agent }) => agent.destroy()));
    this.#hosts.clear();
  }
}
