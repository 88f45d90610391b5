/** A Redis server for tests, on the loopback interface: it keeps what it has on disk, and can be stopped and started again. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { type Certificate, certificateFiles } from './certificate.ts';
import { freePort } from './postgres.ts';

const PASSWORD = 's3cret';

export function hasRedis(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export class RedisServer {
  readonly #port: number;
  readonly #folder: string;
  readonly #certificate: Certificate | undefined;
  #server: ChildProcess | undefined;

  private constructor(port: number, folder: string, certificate: Certificate | undefined) {
    this.#port = port;
    this.#folder = folder;
    this.#certificate = certificate;
    process.once('exit', () => this.#server?.kill('SIGKILL'));
  }

  /**
   * Starts one.
   *
   * @param folder For what it keeps.
   * @param certificate Connections are encrypted by it, and no others are let in. Default: they are not.
   */
  static async open(folder: string, certificate?: Certificate): Promise<RedisServer> {
    const own = new RedisServer(await freePort(), folder, certificate);
    await own.start();
    return own;
  }

  /** Where it is, without the password. */
  get address(): string {
    return this.#certificate ? `rediss://localhost:${this.#port}` : `redis://127.0.0.1:${this.#port}`;
  }

  get password(): string {
    return PASSWORD;
  }

  async start(): Promise<void> {
    const ports = this.#certificate
      ? { port: 0, 'tls-port': this.#port, 'tls-auth-clients': 'no', ...this.#tls(this.#certificate) }
      : { port: this.#port };
    const settings = {
      ...ports,
      ...{ bind: '127.0.0.1', dir: this.#folder, appendonly: 'yes', save: '', requirepass: PASSWORD },
    };
    const server = spawn(
      'redis-server',
      Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.#server = server;
    let said = '';
    await new Promise<void>((resolve, reject) => {
      server.on('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${said}`)));
      server.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('Ready to accept connections')) resolve();
      });
    });
  }

  #tls(certificate: Certificate) {
    const { key, cert } = certificateFiles(this.#folder, certificate);
    return { 'tls-key-file': key, 'tls-cert-file': cert, 'tls-ca-cert-file': cert };
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGTERM');
    await ended;
  }
}
