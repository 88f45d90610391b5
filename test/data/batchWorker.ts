// A worker of test/data/workers.test.ts: it is bundled, and run as a thread.
import { serveBatches } from '../../src/data/serveBatches.ts';
import { maker } from './batchWorkerMaker.ts';

serveBatches(maker);
