import { openStore, type Store } from '../store/index.ts';

let opened: Promise<Store> | undefined;

/** The store as a worker has it: opened when it is first needed, and anew where that failed or the browser has closed it. */
export function ownStore(): Promise<Store> {
  if (opened) return opened;
  const forget = () => {
    opened = undefined;
  };
  opened = openStore({ onClosed: forget });
  opened.catch(forget);
  return opened;
}
