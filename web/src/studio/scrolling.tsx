import type { ComponentChildren } from 'preact';

interface ScrollingProps {
  readonly class: string;
  /** What readers are told that it is. */
  readonly label: string;
  readonly children: ComponentChildren;
}

/** A part of a room that may be larger than its place: it scrolls, also by the keyboard. */
export const Scrolling = ({ class: name, label, children }: ScrollingProps) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
  <section class={name} aria-label={label} tabIndex={0}>
    {children}
  </section>
);
