/** A host that knows nothing of the studio: files of a folder, at some place of its own, with their types and no other header. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};

export class PlainHost {
  /** What is served, by the folder in the address: `any/where/`. */
  readonly folders = new Map<string, string>();
  /** The addresses that were asked for, without the host. */
  readonly asked: string[] = [];
  /** What is sent instead of a file, by its name. */
  readonly instead = new Map<string, string>();
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** Begins, at the same place as before where it was stopped. */
  async start(): Promise<this> {
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url!, 'http://host');
      this.asked.push(pathname);
      const place = [...this.folders.keys()].find((prefix) => pathname.startsWith(`/${prefix}`));
      const name = place === undefined ? '' : pathname.slice(place.length + 1) || 'index.html';
      try {
        const body =
          this.instead.get(name) ?? readFileSync(path.join(this.folders.get(place!)!, decodeURI(name)));
        response.writeHead(200, { 'content-type': TYPES[path.extname(name)] ?? 'text/plain' }).end(body);
      } catch {
        response.writeHead(404).end('not found');
      }
    });
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    return this;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }
}
