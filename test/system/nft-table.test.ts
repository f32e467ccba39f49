import { describe, expect, it } from 'vitest';
import { listNftTable } from '../../src/system/nft-table.ts';
import { CommandError } from '../../src/system/processes.ts';

describe('a table of the kernel’s filter', () => {
  const answer = (code: number, stdout: string) => async (command: string, args: readonly string[]) => {
    expect([command, ...args]).toEqual(['nft', '-t', 'list', 'table', 'inet', 'derp_setup']);
    return { code, stdout, stderr: '' };
  };

  it('is what nft says of it, or nothing where there is none, or no nft', async () => {
    expect(await listNftTable('derp_setup', answer(0, 'table inet derp_setup {\n}'))).toBe(
      'table inet derp_setup {\n}',
    );
    expect(await listNftTable('derp_setup', answer(1, ''))).toBeUndefined();
    const missing = async () => {
      throw new CommandError('not-found', 'nft', []);
    };
    expect(await listNftTable('derp_setup', missing)).toBeUndefined();
  });
});
