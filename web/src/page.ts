/** The element with this id, which the page has, as the type that it has there. */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element as E;
}

/** What the page shows for an error: Fovea's own are written to be read; others say at least what they are. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { name, message } = error;
  if (/allocation failed|out of memory|Invalid typed array length/i.test(message)) {
    return `Out of memory (${message}); try a smaller image.`;
  }
  return message === '' ? name : message;
}
