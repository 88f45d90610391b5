/** Strings, which are kept, and the words that Python's json module writes for numbers that JSON does not have. */
const WORDS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\bInfinity\b|\bNaN\b/g;

/** Parses JSON with null for NaN, Infinity and -Infinity. Throws SyntaxError for other text that is not JSON. */
export function parseLoose(text: string): unknown {
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  try {
    return JSON.parse(source);
  } catch (error) {
    if (!/NaN|Infinity/.test(source)) throw error;
    return JSON.parse(source.replace(WORDS, (word) => (word.startsWith('"') ? word : 'null')));
  }
}
