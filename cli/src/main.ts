import { runMain } from './errors.ts';
import { program } from './program.ts';

await runMain(() => program.parseAsync());
