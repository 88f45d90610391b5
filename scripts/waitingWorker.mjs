import { serveBatches } from 'fovea/data';
import * as maker from './waitingBatches.mjs';

serveBatches(maker);
