/** What a worker tells Prometheus. */
import { createServer, type Server } from 'node:http';
import { DataError } from 'fovea';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Upper limits of the classes of seconds that a shard may take. */
const SECONDS = [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000];

/** Of shards or trainings. */
interface Jobs {
  readonly total: Counter<'outcome'>;
  readonly active: Gauge;
  readonly seconds: Histogram | undefined;
}
export type JobKind = 'shard' | 'training';

export class WorkerMetrics {
  readonly #registry = new Registry();
  readonly #registers = [this.#registry];
  readonly #jobs: Readonly<Record<JobKind, Jobs>>;
  readonly #images: Counter;
  readonly #faults: Counter;
  readonly #queue: Gauge;
  #server: Server | undefined;

  constructor() {
    const registers = this.#registers;
    collectDefaultMetrics({ register: this.#registry });
    const seconds = new Histogram({
      ...{ name: 'fovea_shard_seconds', help: 'Seconds that a shard took', buckets: SECONDS, registers },
    });
    this.#jobs = {
      shard: this.#kind('shards', 'Shards', ['done', 'failed', 'gone'], seconds),
      training: this.#kind('trainings', 'Trainings', ['done', 'failed', 'gone', 'stopped', 'cancelled']),
    };
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
    this.#queue = new Gauge({ name: 'fovea_queue_up', help: 'Whether the queue answers', registers });
    this.#queue.set(1);
  }

  #kind(name: string, what: string, outcomes: readonly string[], seconds?: Histogram): Jobs {
    const registers = this.#registers;
    const total = new Counter({
      ...{
        name: `fovea_${name}_total`,
        help: `${what} by their outcome`,
        labelNames: ['outcome'],
        registers,
      },
    });
    // They are there before the first job.
    for (const outcome of outcomes) total.inc({ outcome }, 0);
    const active = new Gauge({
      name: `fovea_${name}_active`,
      help: `${what} that are being computed`,
      registers,
    });
    return { total, active, seconds };
  }

  /** Counts a job while it is done. What it gives says how it ended. */
  async during<T extends { readonly outcome: string }>(kind: JobKind, work: () => Promise<T>): Promise<T> {
    const { total, active, seconds } = this.#jobs[kind];
    const end = seconds?.startTimer();
    active.inc();
    try {
      const done = await work();
      end?.();
      total.inc({ outcome: done.outcome });
      return done;
    } catch (error) {
      total.inc({ outcome: 'failed' });
      throw error;
    } finally {
      active.dec();
    }
  }

  /** Counts the images of a shard that is done. */
  add({ images, faults }: { readonly images: number; readonly faults: number }): void {
    this.#images.inc(images);
    this.#faults.inc(faults);
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
