import { PROJECT_VERSION, type Project } from '../project/model.ts';
import type { Check } from './check.ts';
import { readClasses } from './labelCheck.ts';

/** What a new project starts with: boxes to detect, and no classes. */
export type NewProject = Pick<Project, 'name'> & Partial<Pick<Project, 'task' | 'classes' | 'created'>>;

export const makeProject = ({
  name,
  created = Date.now(),
  task = 'detect',
  classes = [],
}: NewProject): Project => ({
  version: PROJECT_VERSION,
  id: crypto.randomUUID(),
  name,
  created,
  task,
  classes,
});

/** A project as it may be stored, without fields that it does not have. Throws a StoreError ('corrupt') for one that may not. */
export function checkedProject(check: Check, project: Project): Project {
  const of = check.record(project, 'project');
  return {
    version: PROJECT_VERSION,
    id: of.text('id', 100, 1),
    name: of.text('name', 1000),
    created: of.integer('created', 0, 8.64e15),
    task: of.oneOf('task', ['detect', 'segment', 'classify']),
    classes: readClasses(check, of.get('classes'), of.at('classes')),
  };
}
