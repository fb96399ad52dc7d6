// Parts of the installed package that no bundle has. A module is left out by a bundler where its path is in a variable.
import { NotSupported } from "./errors.ts";

/** What `load` imports. Throws NotSupported with `otherwise` where it is not there. */
export async function unbundled<T>(load: () => Promise<T>, otherwise: string): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new NotSupported(otherwise);
  }
}
