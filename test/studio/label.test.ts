import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../browser/browser.ts';
import {
  click,
  context,
  dragMouse,
  expectBox,
  objects,
  open,
  type Place,
  page,
  placeOf,
  press,
  settled,
  shapes,
  start,
  status,
  stop,
  thrown,
  times,
  tool,
  touch,
} from './labelPage.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
  await start(browser);
});
afterAll(async () => {
  await browser?.close();
  stop();
});
afterEach(() => context?.close());

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('the label editor', () => {
  it('draws, changes, undoes and deletes a box with the mouse', async () => {
    await open();
    await tool('Box');
    await dragMouse([100, 80], [220, 200]);
    expectBox((await shapes())[0], [100, 80, 220, 200]);
    expect(await status()).toContain('Added coin: box, top left, 120 × 120 pixels');
    await click(400, 300);
    expect((await shapes()).length).toBe(1);

    await tool('Select and move');
    await dragMouse([220, 200], [300, 240]);
    expectBox((await shapes())[0], [100, 80, 300, 240]);
    await dragMouse([100, 160], [140, 190]);
    expectBox((await shapes())[0], [140, 80, 300, 240]);
    await dragMouse([220, 160], [240, 150]);
    expectBox((await shapes())[0], [160, 70, 320, 230]);
    // Beyond the opposite corner and the picture.
    await dragMouse([160, 70], [500, 490], [700, 500]);
    expectBox((await shapes())[0], [320, 230, 640, 480]);

    await press('Control+z', 'Control+z', 'Control+z', 'Control+z');
    expectBox((await shapes())[0], [100, 80, 220, 200]);
    await press('Control+Shift+z');
    expectBox((await shapes())[0], [100, 80, 300, 240]);
    await page.getByRole('button', { name: /^Undo/ }).click();
    await page.getByRole('button', { name: /^Undo/ }).click();
    expect(await shapes()).toEqual([]);
    expect(thrown).toEqual([]);
  });

  it('draws a polygon, and moves, adds and deletes its points', async () => {
    await open();
    await tool('Polygon');
    for (const [x, y] of [
      [100, 100],
      [300, 100],
      [350, 50],
      [300, 300],
    ] as const)
      await click(x, y);
    await press('Backspace');
    await click(320, 280);
    await click(100, 100);
    const points = async () => {
      const shape = (await shapes())[0];
      return shape?.kind === 'polygon' ? shape.points.map((point) => point.map(Math.round)) : [];
    };
    const near = async (wanted: readonly Place[]) => {
      const found = await points();
      expect(found.length).toBe(wanted.length);
      for (const [i, [x, y]] of wanted.entries()) {
        expect(Math.hypot(found[i]![0]! - x, found[i]![1]! - y), JSON.stringify(found)).toBeLessThan(3);
      }
    };
    await near([
      [100, 100],
      [300, 100],
      [350, 50],
      [320, 280],
    ]);

    await tool('Select and move');
    await dragMouse([350, 50], [400, 90]);
    await near([
      [100, 100],
      [300, 100],
      [400, 90],
      [320, 280],
    ]);
    await dragMouse([200, 100], [200, 40]);
    await near([
      [100, 100],
      [200, 40],
      [300, 100],
      [400, 90],
      [320, 280],
    ]);
    await press('Delete');
    await near([
      [100, 100],
      [300, 100],
      [400, 90],
      [320, 280],
    ]);
    await press('.', 'Delete', 'Delete');
    expect((await points()).length).toBe(3);
    expect(await status()).toContain('needs three points');

    await tool('Polygon');
    await click(400, 300);
    await click(500, 300);
    await click(500, 400);
    await press('Enter');
    expect((await shapes()).length).toBe(2);
    await click(50, 400);
    await press('Escape');
    await press('Enter');
    expect((await shapes()).length).toBe(2);
    expect(thrown).toEqual([]);
  });

  it('paints, goes on painting, and erases a mask until none is left', async () => {
    await open();
    await tool('Brush');
    await dragMouse([100, 100], [300, 100], [300, 200]);
    const mask = async () => {
      const shape = (await shapes())[0];
      return shape?.kind === 'mask' ? shape : undefined;
    };
    const drawn = (await mask())!;
    expect(Math.abs(drawn.x - 90) < 3 && Math.abs(drawn.y - 90) < 3, `${drawn.x}, ${drawn.y}`).toBe(true);
    expect(Math.abs(drawn.width - 220) < 5 && Math.abs(drawn.height - 120) < 5).toBe(true);
    await dragMouse([300, 200], [400, 200]);
    expect((await shapes()).length).toBe(1);
    expect((await mask())!.width).toBeGreaterThan(310);
    await press('Escape');
    await dragMouse([500, 400]);
    expect((await shapes()).length).toBe(2);
    await tool('Eraser');
    await press(']', ']', ']');
    await dragMouse([495, 395], [505, 405]);
    expect((await shapes()).length).toBe(1);
    await press('Control+z');
    expect((await shapes()).length).toBe(2);
    expect(thrown).toEqual([]);
  });

  it('draws with a finger, and zooms and pans with two', async () => {
    await open('', { width: 390, touch: true });
    const session = await context.newCDPSession(page);
    await tool('Box');
    await touch(session, [[100, 100]], [[150, 150]], [[300, 260]]);
    expectBox((await shapes())[0], [100, 100, 300, 260]);
    await tool('Polygon');
    for (const at of [
      [400, 100],
      [560, 100],
      [560, 300],
      [400, 100],
    ] as const)
      await touch(session, [at]);
    expect((await shapes())[1]).toMatchObject({ kind: 'polygon', points: { length: 3 } });
    await tool('Brush');
    await touch(session, [[100, 400]], [[200, 400]], [[300, 400]]);
    expect((await shapes())[2]).toMatchObject({ kind: 'mask' });

    const before = await page.textContent('.label-zoom');
    // The first finger begins a stroke, which the second one ends without a trace.
    await touch(
      session,
      [[280, 240]],
      [
        [280, 240],
        [360, 240],
      ],
      [
        [240, 240],
        [400, 240],
      ],
      [
        [200, 240],
        [440, 240],
      ],
    );
    expect(await page.textContent('.label-zoom')).not.toBe(before);
    expect((await shapes()).length).toBe(3);
    expect(thrown).toEqual([]);
  });

  it('zooms about the pointer with the wheel, and pans with space or the middle button', async () => {
    await open();
    await tool('Box');
    await page.mouse.move(...(await placeOf(200, 200)));
    await page.mouse.wheel(0, -500);
    await settled();
    expect(await page.textContent('.label-zoom')).not.toBe('117 %');
    // What was under the pointer is there still.
    const [x, y] = await placeOf(200, 200);
    const drawHere = async () => {
      await page.mouse.move(x, y);
      await page.mouse.down();
      await page.mouse.move(x + 100, y + 100, { steps: 3 });
      await page.mouse.up();
      await settled();
    };
    await drawHere();
    const corner = async () => {
      const shape = (await shapes()).at(-1);
      return shape?.kind === 'box' ? shape.box.slice(0, 2) : [];
    };
    expect((await corner()).map(Math.round)).toEqual([200, 200]);
    const zoomed = (await shapes())[0]!;
    const scale = zoomed.kind === 'box' ? 100 / (zoomed.box[2] - zoomed.box[0]) : 0;

    const pan = async (how: 'left' | 'middle') => {
      await page.mouse.move(x + 60, y + 60);
      await page.mouse.down({ button: how });
      await page.mouse.move(x + 30, y + 40, { steps: 3 });
      await page.mouse.up({ button: how });
    };
    await pan('middle');
    await page.keyboard.down(' ');
    await pan('left');
    await page.keyboard.up(' ');
    expect((await shapes()).length).toBe(1);
    await drawHere();
    const [left, top] = await corner();
    expect(left).toBeCloseTo(200 + 60 / scale, 0);
    expect(top).toBeCloseTo(200 + 40 / scale, 0);
    expect(thrown).toEqual([]);
  });

  it('does everything by keyboard alone', async () => {
    await open();
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press('Tab');
      if (await page.evaluate(() => document.activeElement?.getAttribute('role') === 'application')) break;
    }
    // A box, from the middle of the picture.
    await press(
      'Shift+B',
      'Enter',
      ...times(3, 'Shift+ArrowRight'),
      ...times(2, 'Shift+ArrowDown'),
      'ArrowDown',
      'Enter',
    );
    expect((await shapes())[0]).toEqual({ kind: 'box', box: [320, 240, 350, 261] });
    // Moved; its corner; all of a run of keys at once undone.
    await press('Shift+S', 'ArrowLeft', 'ArrowLeft', 'Shift+ArrowUp');
    expect((await shapes())[0]).toEqual({ kind: 'box', box: [318, 230, 348, 251] });
    await press('.', 'ArrowRight');
    expect((await shapes())[0]).toEqual({ kind: 'box', box: [319, 230, 348, 251] });
    await press('Control+z', 'Control+z');
    expect((await shapes())[0]).toEqual({ kind: 'box', box: [320, 240, 350, 261] });
    await press('Control+Shift+z', 'Control+y');
    expect((await shapes())[0]).toEqual({ kind: 'box', box: [319, 230, 348, 251] });
    // Its class.
    await press('2');
    expect((await objects())[0]!.classId).toBe('button');
    expect(await status()).toContain('Class changed: button');

    // A polygon, whose last point closes it.
    await press(
      'Escape',
      'Shift+P',
      'Enter',
      ...times(2, 'Shift+ArrowRight'),
      'Enter',
      ...times(2, 'Shift+ArrowUp'),
      'Enter',
    );
    await press('Enter');
    const polygon = (await shapes())[1]!;
    expect(polygon).toMatchObject({ kind: 'polygon', points: { length: 3 } });
    await press('Shift+S', '.', ';', 'ArrowDown');
    expect((await shapes())[1]).toMatchObject({ points: { length: 4 } });
    await press('Delete');
    expect((await shapes())[1]).toEqual(polygon);

    // A mask and a point.
    await press('Escape', 'Shift+M', 'Enter', ...times(4, 'Shift+ArrowLeft'), 'Enter');
    expect((await shapes())[2]).toMatchObject({ kind: 'mask' });
    await press('Escape', 'Shift+D', ...times(3, 'Shift+ArrowDown'), 'Enter');
    expect((await shapes())[3]).toMatchObject({ kind: 'point' });

    // Tab goes from object to object, then on.
    await press('Shift+S', 'Escape', 'PageDown');
    expect(await status()).toContain('Chosen: button: box');
    await press('Tab', 'Tab', 'Tab');
    expect(await page.evaluate(() => window.label.props.value.selected)).toBe((await objects())[3]!.id);
    await press('Delete');
    expect((await shapes()).length).toBe(3);
    await press('?');
    await expect.poll(() => page.locator('dialog').isVisible()).toBe(true);
    await press('Escape');
    await press('Tab');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).not.toBe('application');

    // A class of one's own; the list.
    await page.keyboard.press('Shift+Tab');
    await page.getByRole('textbox', { name: 'Name of a new class' }).focus();
    await page.keyboard.type('<b>ring</b>');
    await press('Enter');
    expect(await page.evaluate(() => window.label.classes.value.map(({ name }) => name))).toContain(
      '<b>ring</b>',
    );
    const rows = page.locator('.label-objects .label-row');
    await rows.first().focus();
    await press('Enter', 'ArrowDown');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('polygon');
    await press('Delete');
    expect((await shapes()).map(({ kind }) => kind)).toEqual(['box', 'mask']);
    expect(thrown).toEqual([]);
  });
});
