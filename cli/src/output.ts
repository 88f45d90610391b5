/** The part of a stream that the commands use: `process.stdout`, or anything that takes text. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
}
