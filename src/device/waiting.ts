/** What is done when a device has been given work, for a wait that may be a short one: polling.ts sets it in Node. */
export const waiting = { begin(): void {} };
