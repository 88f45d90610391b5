// Values from elsewhere, checked by a schema.
import { DataError } from 'fovea';
import * as v from 'valibot';

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
  const [issue] = found.issues;
  const at = v.getDotPath(issue);
  throw new DataError(`${name}: ${at === null ? '' : `${at}: `}${issue.message}`);
}
