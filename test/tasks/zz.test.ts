import { it } from 'vitest';
import { openGpu } from '/work/main/src/plan/gpu.ts';
import { defaultSettings } from '/work/main/src/tasks/settings.ts';
import { train } from '/work/main/src/tasks/train.ts';
import { Detector, Segmenter } from '/work/main/src/tasks/infer.ts';
import { evaluateDetector, evaluateSegmenter } from '/work/main/src/tasks/evaluate.ts';
import { scene, TWO } from '/work/main/test/tasks/scenes.ts';
const STILL = { scale: [1, 1] as const, flipHorizontal: 0, brightness: 0, contrast: 0, saturation: 0 };
it('x', async () => {
  const gpu = await openGpu();
  const half = TWO.map((f) => f.kind === 'crate' ? { ...f, box: f.box.map((v) => v / 2) as never } : { ...f, centre: f.centre.map((v) => v / 2) as never, radius: f.radius / 2 }); const samples = [process.env.HALF ? scene('two', half as never, 32) : scene('two', TWO)];
  for (const c of JSON.parse(process.env.EXP!)) {
      const { task = 'segment', norm = 'group', config = {}, ...rest } = c;
      const s = defaultSettings(task, samples, { cropSize: 64, width: 8, batchSize: 1, augment: STILL, ...rest });
      const settings = { ...s, config: { ...s.config, norm, ...config } };
      const t0 = performance.now();
      let t1 = 0;
      const r = await train(gpu, samples, settings as never, { onStep: ({ step }) => { if (step === 1) t1 = performance.now(); } });
      const t2 = performance.now();
      const e = task === 'detect' ? (await evaluateDetector(new Detector(gpu, r.trained), samples)).result : await evaluateSegmenter(new Segmenter(gpu, r.trained), samples);
      console.log(JSON.stringify(c), 'first', (t1 - t0).toFixed(0), 'rest', (t2 - t1).toFixed(0), JSON.stringify(r.history.at(-1)!.losses), task === 'detect' ? [(e as any).ap50, (e as any).ap] : [(e as any).meanIou]);
  }
  gpu.dispose();
}, 600000);
