import { readFileSync } from "node:fs";
import { PNG } from "pngjs";

/** The file is there and is a PNG to its end: decoding it checks every checksum. */
export function isCompletePng(path: string): boolean {
  try {
    const { width, height } = PNG.sync.read(readFileSync(path));
    return width > 0 && height > 0;
  } catch {
    return false;
  }
}
