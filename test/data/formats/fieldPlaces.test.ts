/** Where files may be, and what counts as one: pipes and sockets are none, and nothing outside is looked through. */
import { execFileSync } from 'node:child_process';
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { diskFiles } from '../../../cli/src/dataFiles.ts';
import { openDataset } from '../../../src/data/formats/index.ts';
import { encodeIndexedPng } from '../../../src/data/indexedPng.ts';
import { labelme, lenient, rectangle } from './fieldFiles.ts';
import { annotationsOf, faultOf, folderOf, image, readAll } from './folders.ts';

const YOLO = { 'labels/a.txt': '0 0.5 0.5 0.2 0.2\n', 'data.yaml': 'train: images\nnames: [cat]\n' };
const XML =
  '<annotation><filename>a.png</filename><object><name>cat</name><bndbox><xmin>3</xmin><ymin>2</ymin><xmax>8</xmax><ymax>4</ymax></bndbox></object></annotation>';
const pipe = (path: string): void => void execFileSync('mkfifo', [path]);

describe('a pipe among the files', () => {
  it('is none of the data: a folder of any format is read without it', async () => {
    const png = await image();
    const mask = await encodeIndexedPng({ width: 20, height: 10, data: new Uint8Array(200).fill(1) });
    const folders: [files: Parameters<typeof folderOf>[0], pipes: string[]][] = [
      [{ 'a.json': labelme([rectangle(2, 1, 8, 4)]), 'a.png': png }, ['0.json', 'b.png', 'z.json']],
      [{ ...YOLO, 'images/a.png': png }, ['images/b.png', 'labels/c.txt', 'classes.txt', 'a.yaml']],
      [{ 'Annotations/b.xml': XML, 'JPEGImages/a.png': png }, ['Annotations/a.xml', 'JPEGImages/c.png']],
      [{ 'images/a.png': png, 'masks/a.png': mask }, ['masks/b.png', 'images/b.png', 'classes.txt']],
    ];
    for (const [files, pipes] of folders) {
      const folder = await folderOf(files);
      for (const name of pipes) pipe(join(folder, name));
      expect(await annotationsOf(folder)).toMatchObject([{ width: 20, shapes: [{ box: {} }] }]);
    }
  });

  it('is refused where it is opened or read by name', async () => {
    const folder = await folderOf({ 'a.png': await image() });
    const file = join(folder, 'p.png');
    pipe(file);
    const server = createServer().listen(join(folder, 's.png'));
    await new Promise((done) => server.once('listening', done));
    for (const path of [file, join(folder, 's.png'), '/dev/zero']) {
      expect(await diskFiles.kind(path)).toBeUndefined();
      const ways = [diskFiles.open, diskFiles.bytes, (file: string) => diskFiles.imageSize(file, file)];
      for (const way of ways) {
        const { name, message } = await faultOf(way(path));
        expect([name, message]).toEqual(['DataError', expect.stringContaining('pipe, socket or device')]);
      }
    }
    server.close();
    expect(await diskFiles.list(folder)).toEqual([{ name: 'a.png', folder: false }]);
  });
});

describe('a name that is not UTF-8 text', () => {
  it('is said to be so, for images and for annotations', async () => {
    const png = await image();
    const bad = (folder: string, name: string) =>
      Buffer.concat([Buffer.from(`${folder}/`), Uint8Array.of(0x83, 0x7b), Buffer.from(name)]);
    const yolo = await folderOf({ ...YOLO, 'images/a.png': png });
    await writeFile(bad(`${yolo}/images`, '.png'), png);
    expect((await faultOf(readAll(yolo))).message).toContain('its name is not UTF-8 text: rename the file');
    const shapes = await folderOf({ 'a.json': labelme([]), 'a.png': png });
    await writeFile(bad(shapes, '.json'), JSON.stringify(labelme([])));
    expect((await faultOf(readAll(shapes))).message).toContain('the name is not UTF-8 text; rename');
    expect((await lenient(shapes)).said).toEqual(['annotation: path']);
  });
});

describe('a folder outside', () => {
  it('that data.yaml names is refused before it is looked through', async () => {
    const png = await image();
    for (const place of ['/', '/usr', '../../..']) {
      const yaml = `train: ${place}\nnames: [cat]\n`;
      const folder = await folderOf({ ...YOLO, 'images/a.png': png, 'data.yaml': yaml });
      const listed: string[] = [];
      const list = (path: string) => {
        listed.push(path);
        return diskFiles.list(path);
      };
      const files = { ...diskFiles, list };
      const { message } = await faultOf(openDataset(files, folder));
      expect(message).toMatch(/data\.yaml: .* outside of .*--allow-outside/);
      expect(listed.filter((path) => !path.startsWith(folder))).toEqual([]);
    }
  });

  it('that a link leads to is a fault, and is not entered', async () => {
    const png = await image();
    const folders: [files: Parameters<typeof folderOf>[0], link: string][] = [
      [{ 'a.json': labelme([rectangle(2, 1, 8, 4)]), 'a.png': png }, 'all'],
      [{ ...YOLO, 'images/a.png': png }, 'images/all'],
      [{ 'Annotations/a.xml': XML, 'JPEGImages/a.png': png }, 'JPEGImages/all'],
    ];
    for (const [files, link] of folders) {
      for (const target of ['/', '/usr/lib']) {
        const folder = await folderOf(files);
        await symlink(target, join(folder, link));
        expect((await faultOf(readAll(folder))).message).toContain(
          `${join(folder, link)}: leads to ${target}, which is outside of`,
        );
        const { images, said } = await lenient(folder);
        expect([images.length, said]).toEqual([1, ['image: path']]);
      }
    }
  });

  it('that contains the data set is passed over, and noted', async () => {
    const folder = await folderOf({ ...YOLO, 'images/a.png': await image() });
    const inner = join(folder, 'inner');
    await mkdir(inner);
    for (const name of ['images', 'labels', 'data.yaml']) await rename(join(folder, name), join(inner, name));
    await symlink(folder, join(inner, 'images/up'));
    const { images, said } = await lenient(inner);
    expect([images.length, said]).toEqual([1, ['note: path']]);
  });

  it('may be entered with allowOutside, or where the data set itself is a link', async () => {
    const other = await folderOf({ 'b.json': labelme([], { imagePath: 'b.png' }), 'b.png': await image() });
    const folder = await folderOf({ 'note.txt': '' });
    await symlink(other, join(folder, 'link'));
    expect(await annotationsOf(join(folder, 'link'))).toHaveLength(1);
    await mkdir(join(folder, 'deep'));
    await symlink(other, join(folder, 'deep', 'more'));
    expect(await annotationsOf(join(folder, 'deep'), { allowOutside: true })).toHaveLength(1);
  });
});
