/** Ends derp-setup by a signal right after it has done one of the things that concern nginx. */
import type { Finished } from '../../vps/support/commands.ts';
import type { Machine } from '../../vps/support/machine.ts';
import { program } from '../../vps/support/unpacked.ts';

const LOG = '/run/nginx-interruption.log';
const FILE = '/srv/nginx-interrupter.mjs';

/** Loaded into the program before it: counts files that get their name among nginx's, and nginx's own commands. */
const text = `
  import { appendFileSync } from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  import files from 'node:fs/promises';
  import children from 'node:child_process';
  let count = 0;
  const done = (what) => {
    count++;
    appendFileSync('${LOG}', what + '\\n');
    if (count === Number(process.env.INTERRUPT_AFTER)) process.kill(process.pid, process.env.INTERRUPT_WITH);
  };
  const { rename } = files;
  files.rename = async (from, to) => {
    await rename(from, to);
    if (to.includes('nginx')) done('rename ' + to);
  };
  const { spawn } = children;
  children.spawn = (command, args, options) => {
    const child = spawn(command, args, options);
    const counts = /^nginx -(t|s)/.test(command + ' ' + args[0]);
    if (counts) child.once('exit', () => done(command + ' ' + args.join(' ')));
    return child;
  };
  syncBuiltinESMExports();
`;

/** Puts it on the machine. */
export function writeInterrupter(machine: Machine): Promise<void> {
  return machine.writeFile(FILE, text);
}

/** Runs derp-setup with a signal after so many of these things; 0 for none. `log` is what it had done until its end. */
export async function interrupted(
  machine: Machine,
  after: number,
  args: readonly string[],
  signal = 'SIGINT',
): Promise<Finished & { log: string[] }> {
  await machine.shell(`rm -f ${LOG}`);
  const env = { INTERRUPT_AFTER: String(after), INTERRUPT_WITH: signal };
  const finished = await machine.run('node', ['--import', FILE, program, ...args], { env, timeout: 120 });
  const log = (await machine.shell(`cat ${LOG} 2>/dev/null || true`)).trim().split('\n');
  return { ...finished, log };
}
