import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { unzipSync } from 'fflate';
import type { Page } from 'playwright-core';
import type { LabelObject, Picture, Project, Split } from '../../web/src/studio/project/model.ts';
import { digestOf } from '../../web/src/studio/store/digest.ts';
import type { ModelSource } from '../../web/src/studio/store/modelsFile.ts';
import { zipOf } from './projectFiles.ts';
import { chooser, coins } from './studioPage.ts';

/** A picture of a project that a test opens in the studio. */
export interface Given {
  readonly name: string;
  readonly split: Split;
  readonly objects: readonly LabelObject[];
  readonly done?: boolean;
  /** Default: coins. */
  readonly file?: Buffer;
}

/** A project file with pictures, which are PNG files. */
export async function coinsProject(
  fields: Pick<Project, 'name' | 'task' | 'classes'>,
  given: readonly Given[],
  modelsOf?: (pictures: readonly Picture[]) => ModelSource,
): Promise<Buffer> {
  const bytes = given.map(({ file }, i) => file ?? coins(i).buffer);
  const files = bytes.map((content) => new Blob([new Uint8Array(content)]));
  const pictures: Picture[] = [];
  for (const [i, { name, split, objects, done = false }] of given.entries()) {
    const file = files[i]!;
    const [width, height] = [bytes[i]!.readUInt32BE(16), bytes[i]!.readUInt32BE(20)];
    pictures.push({
      ...{ id: String(i), project: 'project', name, width, height, size: file.size },
      ...{ digest: await digestOf(file), added: 1000 + i, split, done, objects: objects.length },
    });
  }
  const zip = await zipOf({
    ...{ project: { ...fields, created: 1000 }, pictures },
    fileOf: async ({ id }) => files[Number(id)]!,
    labelsOf: async ({ id }) => ({ picture: id, objects: given[Number(id)]!.objects }),
    ...(modelsOf ? { models: modelsOf(pictures) } : {}),
  });
  return Buffer.from(zip);
}

/** Opens a project file in the studio. */
export async function openProjectFile(page: Page, buffer: Buffer): Promise<void> {
  await page.evaluate(() => {
    location.hash = '#/projects';
  });
  await chooser(page, 'Open a project file').setInputFiles({
    ...{ name: 'a.zip', mimeType: 'application/zip', buffer },
  });
  await page.getByText(/is here now, and open\./).waitFor();
}

/** Unpacks a zip into a folder. Returns the paths of its files. */
export function unpackInto(folder: string, zip: Buffer): string[] {
  const files = Object.entries(unzipSync(new Uint8Array(zip)));
  for (const [name, content] of files) {
    const place = path.join(folder, name);
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, content);
  }
  return files.map(([name]) => name).sort();
}
