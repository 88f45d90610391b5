import { beforeAll, describe, expect, it } from 'vitest';
import { killAndResume } from '../../scripts/killResume.mjs';
import { buildCli } from '../cli/run.ts';

// `npm run kill-resume` makes 40 interruptions.
describe.skipIf(process.platform === 'win32')(
  'trainings that SIGKILL, SIGINT, SIGTERM and SIGHUP end',
  () => {
    beforeAll(buildCli);

    it('go on with --resume to the bytes of one that was left alone', async () => {
      const { interruptions } = await killAndResume({ count: 4, seed: 3 });
      expect(interruptions).toBe(4);
    });
  },
);
