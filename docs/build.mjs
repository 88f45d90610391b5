// npm run docs: the reference of everything that package.json exports, from the docstrings, into docs/api. A public export
// without a description, a link that leads nowhere and any other warning of TypeDoc fail it.
// `node docs/build.mjs --check` checks and writes nothing; it leaves type errors to tsc, which halves its time.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, Converter } from 'typedoc';

const check = process.argv.includes('--check');
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const { exports: subpaths, version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));

/** The source of each entry point, and its name. Those of fovea/kernels/* are in fovea/kernels too. */
const entries = Object.entries(subpaths)
  .filter(([subpath, { types }]) => types !== undefined && !subpath.includes('*'))
  .map(([subpath, { types }]) => ({
    name: `fovea${subpath.slice(1)}`,
    file: path.join(root, types.replace('./dist/types/', 'src/').replace('.d.ts', '.ts')),
  }));

const app = await Application.bootstrap({
  name: `Fovea ${version}`,
  entryPoints: entries.map(({ file }) => file),
  tsconfig: path.join(root, 'tsconfig.build.json'),
  out: path.join(root, 'docs/api'),
  readme: path.join(root, 'docs/reference.md'),
  includeVersion: false,
  excludePrivate: true,
  excludeInternal: true,
  excludeExternals: true,
  disableGit: true,
  sourceLinkTemplate: 'https://github.com/fovea-webgpu/fovea/blob/main/{path}#L{line}',
  basePath: root,
  navigation: { includeCategories: false, includeGroups: false },
  validation: {
    notExported: true,
    invalidLink: true,
    invalidPath: true,
    rewrittenLink: true,
    notDocumented: true,
  },
  requiredToBeDocumented: ['Variable', 'Function', 'Class', 'Interface', 'TypeAlias'],
  skipErrorChecking: check,
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
});
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
  for (const module of project.children ?? []) {
    const source = module.sources?.[0]?.fullFileName;
    const entry = entries.find(({ file }) => file === source);
    if (entry) module.name = entry.name;
  }
});

const project = await app.convert();
if (project) {
  app.validate(project);
  if (!app.logger.hasWarnings() && !check) await app.generateOutputs(project);
}
const faults = app.logger.errorCount + app.logger.warningCount;
console.log(faults === 0 ? 'docs: every public export has a description' : `docs: ${faults} faults`);
process.exitCode = faults === 0 ? 0 : 1;
