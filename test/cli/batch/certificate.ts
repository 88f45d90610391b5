/** Certificates of servers of tests: each is its own authority. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { generate } from 'selfsigned';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** For `localhost`, unless another name is given. */
export async function makeCertificate(name = 'localhost'): Promise<Certificate> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: name }], {
    keySize: 2048,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
    ],
  });
  return { key, cert };
}

/** Writes a certificate into a folder, its key for this user alone. Returns the files. */
export function certificateFiles(folder: string, { key, cert }: Certificate): Certificate {
  const files = { key: path.join(folder, 'server.key'), cert: path.join(folder, 'server.crt') };
  writeFileSync(files.key, key, { mode: 0o600 });
  writeFileSync(files.cert, cert);
  return files;
}
