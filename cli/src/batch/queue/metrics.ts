/** What a worker tells Prometheus. */
import { createServer, type Server } from 'node:http';
import { DataError } from 'fovea';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ShardDone } from '../runner.ts';

/** Upper limits of the classes of seconds that a shard may take. */
const SECONDS = [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000];

export class WorkerMetrics {
  readonly #registry = new Registry();
  readonly #shards: Counter<'outcome'>;
  readonly #images: Counter;
  readonly #faults: Counter;
  readonly #seconds: Histogram;
  readonly #active: Gauge;
  readonly #queue: Gauge;
  #server: Server | undefined;

  constructor() {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#shards = new Counter({
      ...{ name: 'fovea_shards_total', help: 'Shards by their outcome', labelNames: ['outcome'], registers },
    });
    this.#images = new Counter({
      name: 'fovea_images_total',
      help: 'Images of shards that are done',
      registers,
    });
    this.#faults = new Counter({
      name: 'fovea_image_faults_total',
      help: 'Images that could not be used',
      registers,
    });
    this.#seconds = new Histogram({
      ...{ name: 'fovea_shard_seconds', help: 'Seconds that a shard took', buckets: SECONDS, registers },
    });
    this.#active = new Gauge({
      name: 'fovea_shards_active',
      help: 'Shards that are being computed',
      registers,
    });
    this.#queue = new Gauge({ name: 'fovea_queue_up', help: 'Whether the queue answers', registers });
    this.#queue.set(1);
    // They are there before the first shard.
    for (const outcome of ['done', 'failed', 'gone']) this.#shards.inc({ outcome }, 0);
  }

  /** Counts a shard while it is computed. */
  async during(work: () => Promise<ShardDone>): Promise<ShardDone> {
    const end = this.#seconds.startTimer();
    this.#active.inc();
    try {
      const done = await work();
      end();
      this.#shards.inc({ outcome: done.gone ? 'gone' : 'done' });
      this.#images.inc(done.images);
      this.#faults.inc(done.faults);
      return done;
    } catch (error) {
      this.#shards.inc({ outcome: 'failed' });
      throw error;
    } finally {
      this.#active.dec();
    }
  }

  /** Notes whether the queue answers. */
  queueIs(up: boolean): void {
    this.#queue.set(up ? 1 : 0);
  }

  /** Serves them at `/metrics`, and `/healthz` for whoever asks whether the process lives. Throws DataError where the port is taken. */
  async serve({ host, port }: { readonly host: string; readonly port: number }): Promise<number> {
    const server = createServer(async ({ url }, response) => {
      if (url === '/healthz') return response.end('ok\n');
      if (url !== '/metrics') return response.writeHead(404).end('/metrics, /healthz\n');
      response.setHeader('content-type', this.#registry.contentType);
      return response.end(await this.#registry.metrics());
    });
    await new Promise<void>((resolve, reject) => {
      server.on('error', (error: NodeJS.ErrnoException) => {
        const why = error.code === 'EADDRINUSE' ? 'another process has this port' : error.message;
        reject(new DataError(`--metrics ${host}:${port}: ${why}; choose another one`, { cause: error }));
      });
      server.listen(port, host, resolve);
    });
    this.#server = server;
    return (server.address() as { readonly port: number }).port;
  }

  close(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }
}
