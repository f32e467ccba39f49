/** Tables of the kernel's filter. */
import { CommandError, type Run, run } from './processes.ts';

/** What nft says of a table of the family inet, as root; undefined where there is none, or no nft. */
export async function listNftTable(table: string, runner: Run = run): Promise<string | undefined> {
  try {
    // Without the elements of sets, of which there may be thousands.
    const { code, stdout } = await runner('nft', ['-t', 'list', 'table', 'inet', table], { timeoutMs: 10_000 });
    return code === 0 ? stdout : undefined;
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}
