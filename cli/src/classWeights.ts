import { type ClassWeights, DataError, UsageError } from 'fovea';
import { isStructured, readTable } from './config.ts';

function checked(weights: Readonly<Record<string, unknown>>, where: string): Record<string, number> {
  const entries = Object.entries(weights).map(([name, weight]): [string, number] => {
    if (typeof weight === 'number' && weight > 0 && Number.isFinite(weight)) return [name, weight];
    throw new DataError(`${where}: ${name} has the weight ${JSON.stringify(weight)}; give a number above 0`);
  });
  return Object.fromEntries(entries);
}

/** The weights of classes that `--class-weights` tells: auto, `a=1,b=2`, a TOML or JSON file, or the table of a config file. */
export async function readClassWeights(
  given: string | Readonly<Record<string, unknown>>,
): Promise<ClassWeights> {
  if (typeof given !== 'string') return checked(given, 'class-weights');
  if (given === 'auto') return 'auto';
  if (isStructured(given)) return checked(await readTable(given, '--class-weights'), given);
  const pairs = given.split(',').map((pair): [string, number] => {
    const at = pair.lastIndexOf('=');
    const text = pair.slice(at + 1).trim();
    if (at < 1 || text === '') {
      throw new UsageError(
        `--class-weights ${given}: ${pair} is no name with a weight; give auto, names such as background=0.2,coin=1, or a .toml or .json file`,
      );
    }
    return [pair.slice(0, at).trim(), Number(text)];
  });
  return checked(Object.fromEntries(pairs), `--class-weights ${given}`);
}
