// npm test: build, types, lint and all tests. Types and lint run beside the tests, which leave a core idle here and there.
import { build, finish, lint, tests, types } from './checks.mjs';

await build();
await Promise.all([types().then(lint), tests('tests', [])]);
finish();
