/** Places that last as long as something runs. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs `use` with the path of a new directory, for this user only, that is removed with all it holds afterwards. */
export async function withTemporaryDirectory<T>(prefix: string, use: (path: string) => Promise<T>): Promise<T> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  try {
    return await use(path);
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}
