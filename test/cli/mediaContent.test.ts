import sharp from 'sharp';
import { expect, it } from 'vitest';
import { inspectImage } from '../../cli/src/gather/inspect.ts';
import { decodeImage } from '../../cli/src/images.ts';
import { mediaContent } from '../../cli/src/mediaContent.ts';

/** A file of the kind of MP4 with these brands. */
function ofBrands(...brands: string[]): Buffer {
  const box = Buffer.concat([Buffer.from('\0\0\0\0ftyp'), Buffer.from(brands[0]!), Buffer.alloc(4)]);
  const all = Buffer.concat([box, ...brands.slice(1).map((brand) => Buffer.from(brand))]);
  all.writeUInt32BE(all.length, 0);
  return Buffer.concat([all, Buffer.alloc(64)]);
}
const begins = (text: string) => Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(64)]);

it('tells videos and sounds from images by their first bytes', async () => {
  const videos = [
    ofBrands('isom', 'iso2', 'avc1', 'mp41'),
    ofBrands('qt  '),
    begins('\x1aE\xdf\xa3'),
    begins('RIFF....AVI '),
  ];
  for (const bytes of videos) expect(mediaContent(bytes)).toBe('a video');
  for (const text of ['RIFF....WAVE', 'fLaC', 'OggS', 'ID3'])
    expect(mediaContent(begins(text))).toBe('a sound');
  expect(mediaContent(ofBrands('M4A ', 'isom'))).toBe('a sound');
  const image = sharp({ create: { width: 16, height: 16, channels: 3, background: 'red' } });
  const images = [
    ofBrands('mif1', 'heic'),
    ofBrands('avis', 'msf1'),
    await image.clone().avif().toBuffer(),
    await image.clone().webp().toBuffer(),
    await image.clone().png().toBuffer(),
    Buffer.from('<!--ftyp--><svg/>'),
    Buffer.alloc(0),
    Buffer.from('ID'),
  ];
  for (const bytes of images) expect(mediaContent(bytes)).toBeUndefined();
});

it('says so where an image is expected', async () => {
  const video = ofBrands('isom', 'mp41');
  await expect(decodeImage(video, 'a.mp4')).rejects.toThrow(
    'a.mp4: is a video, not an image; fovea embed takes it',
  );
  const keep = { size: undefined, format: 'keep', quality: 95 } as const;
  await expect(inspectImage(video, 2 ** 20, keep)).rejects.toThrow('not an image: a video');
  await expect(inspectImage(begins('fLaC'), 2 ** 20, keep)).rejects.toThrow('not an image: a sound');
});
