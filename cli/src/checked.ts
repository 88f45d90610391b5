// Values from elsewhere, checked by a schema.
import { DataError } from 'fovea';
import * as v from 'valibot';
import { didYouMean } from './didYouMean.ts';

/** Parses JSON of a shape. Throws DataError that says which value is wrong. */
export function parseAs<const Schema extends v.GenericSchema>(
  schema: Schema,
  content: Uint8Array | string,
  name: string,
): v.InferOutput<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(typeof content === 'string' ? content : new TextDecoder().decode(content));
  } catch (error) {
    throw new DataError(`${name}: is no JSON (${(error as Error).message})`, { cause: error });
  }
  return checkAs(schema, value, name);
}

/** The same of a value. */
export function checkAs<const Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  name: string,
): v.InferOutput<Schema> {
  const found = v.safeParse(schema, value);
  if (found.success) return found.output;
  throw new DataError(`${name}: ${problemOf(found.issues)}`);
}

interface Problem {
  readonly issue: v.BaseIssue<unknown>;
  readonly path: readonly string[];
}

/** All problems with their paths. Where a value may have several shapes, problems inside it say more than that it has none of them. */
function problemsIn(issues: readonly v.BaseIssue<unknown>[], before: readonly string[]): Problem[] {
  return issues.flatMap((issue) => {
    const path = [...before, ...(issue.path ?? []).map(({ key }) => String(key))];
    const inner = problemsIn(issue.issues ?? [], path).filter((one) => one.path.length > path.length);
    return inner.length > 0 ? inner : [{ issue, path }];
  });
}

/** The first problem in words: names that there are not before those that are missing, as they may be the same one misspelt. */
function problemOf(issues: readonly v.BaseIssue<unknown>[]): string {
  const problems = problemsIn(issues, []);
  const isUnknown = ({ issue }: Problem) => issue.type === 'strict_object' && issue.expected === 'never';
  const isMissing = ({ issue }: Problem) => /object$/.test(issue.type) && issue.received === 'undefined';
  const one = problems.find(isUnknown) ?? problems[0]!;
  const { path, issue } = one;
  const missing = problems
    .filter((other) => isMissing(other) && other.path.length === path.length)
    .map((other) => other.path.at(-1)!);
  const where = path.length === 0 ? '' : `${path.join('.')}: `;
  if (isUnknown(one)) return `${where}there is no such name${didYouMean(path.at(-1)!, missing)}`;
  return `${where}${isMissing(one) ? 'is missing' : issue.message}`;
}
