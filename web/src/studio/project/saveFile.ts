/** Files that go to the visitor's disk. */

type Chosen = { createWritable(): Promise<WritableStream<Uint8Array>> };
type Picker = (options: { readonly suggestedName: string }) => Promise<Chosen>;

/** A name that every system takes for a file. */
export const fileNameOf = (name: string, extension: string): string => {
  const plain = name
    .replace(/[\p{Cc}\p{Cs}<>:"/\\|?*]+/gu, '_')
    .replace(/^[. ]+|[. ]+$/g, '')
    .slice(0, 100);
  return `${plain === '' ? 'project' : plain}.${extension}`;
};

export interface SaveOptions {
  /** Called with the number of bytes so far. */
  readonly onBytes?: (bytes: number) => void;
  /** Aborting it ends the saving: the call rejects, and a file that was there stays as it was. */
  readonly signal?: AbortSignal;
}

/**
 * Saves what a stream gives: piece by piece into a file that the visitor chooses, where the browser can do that, else as a download.
 * To be called in the turn of a click, as browsers ask for a file only then.
 *
 * @param open Begins the stream, once there is a file for it.
 * @returns Whether it was saved; the visitor may choose no file.
 */
export async function saveFile(
  name: string,
  open: () => Promise<ReadableStream<Uint8Array<ArrayBuffer>>>,
  { onBytes, signal }: SaveOptions = {},
): Promise<boolean> {
  const pick = (globalThis as { showSaveFilePicker?: Picker }).showSaveFilePicker;
  let file: Chosen | undefined;
  try {
    file = await pick?.({ suggestedName: name });
  } catch (error) {
    if ((error as Error).name === 'AbortError') return false;
    throw error;
  }
  let bytes = 0;
  const counter = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(part, controller) {
      bytes += part.length;
      onBytes?.(bytes);
      controller.enqueue(part);
    },
  });
  const counted = (await open()).pipeThrough(counter, { signal });
  if (file) await counted.pipeTo(await file.createWritable(), { signal });
  else download(name, await new Response(counted).blob());
  return true;
}

/** Gives a file to the browser's downloads. */
export function download(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // Browsers read the file after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
