/** Whether a file is there and no source, a file or a folder of them, is younger. */
export function isFresh(file: string, sources: readonly string[]): boolean;
