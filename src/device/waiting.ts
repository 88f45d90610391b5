/** `begin` is called at each submission. In Node, polling.ts sets it, so that the wait that follows is polled eagerly at first. */
export const waiting = { begin(): void {} };
