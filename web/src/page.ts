/** The element with this id, which the page has, as the type that it has there. */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element as E;
}

/** A new element with text and classes. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  text = '',
  className = '',
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = className;
  return element;
}

/** Shows a text in an element that is hidden while it has nothing to say. */
export function say(element: HTMLElement, text: string): void {
  element.textContent = text;
  element.hidden = text === '';
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

/** What tests wait for: `data-<key>` on the root element. */
export function setState(key: 'adapter' | 'weights' | 'detect', value: string): void {
  document.documentElement.dataset[key] = value;
}
