/** The commands about an installed relay, one entry each: adding one takes an entry here and its texts in `help.ts`. */
import type { Problem } from '../setup/answers/problems.ts';
import type { Flags } from './flags.ts';
import type { Messages } from './messages/en.ts';
import type { Session } from './session.ts';

/** A command: from flags and words, and what is wrong with them already, to an exit code. */
export type CommandFunction = (
  flags: Flags,
  words: readonly string[],
  usageProblems: readonly Problem[],
  session: Session,
) => Promise<number>;

/** A flag of one command, beside those that all have. */
export interface FlagSpec {
  flag: `--${string}`;
  /** What stands for the value in help; none for a switch. */
  placeholder?: string;
  help: keyof Messages['help']['flags'];
}

/** One command. */
export interface CommandSpec {
  flags: readonly FlagSpec[];
  /** Loaded when it is needed, so that help and mistakes are answered at once. */
  load(): Promise<CommandFunction>;
}

const specs = {
  status: {
    flags: [{ flag: '--watch', help: 'statusWatch' }],
    load: async () => (await import('./commands/status-command.ts')).statusCommand,
  },
  doctor: {
    flags: [
      { flag: '--fix', help: 'doctorFix' },
      { flag: '--open-firewall', help: 'doctorOpenFirewall' },
      { flag: '--report', placeholder: 'file', help: 'doctorReport' },
    ],
    load: async () => (await import('./commands/doctor-command.ts')).doctorCommand,
  },
  'derp-map': {
    flags: [{ flag: '--headscale', help: 'mapHeadscale' }],
    load: async () => (await import('./commands/derp-map-command.ts')).derpMapCommand,
  },
  nftables: {
    flags: [
      { flag: '--allow-cidr', placeholder: 'list', help: 'nftAllow' },
      { flag: '--deny-cidr', placeholder: 'list', help: 'nftDeny' },
      { flag: '--derp-port', placeholder: 'port', help: 'nftDerpPort' },
      { flag: '--stun-port', placeholder: 'port', help: 'nftStunPort' },
    ],
    load: async () => (await import('./commands/nftables-command.ts')).nftablesCommand,
  },
  renew: {
    flags: [
      { flag: '--force', help: 'renewForce' },
      { flag: '--switch', help: 'renewSwitch' },
    ],
    load: async () => (await import('./commands/renew-command.ts')).renewCommand,
  },
  upgrade: {
    flags: [
      { flag: '--dry-run', help: 'dryRun' },
      { flag: '--overwrite', help: 'overwrite' },
    ],
    load: async () => (await import('./commands/upgrade-command.ts')).upgradeCommand,
  },
  uninstall: {
    flags: [
      { flag: '--purge', help: 'purge' },
      { flag: '--dry-run', help: 'dryRun' },
    ],
    load: async () => (await import('./commands/uninstall-command.ts')).uninstallCommand,
  },
} satisfies Record<string, CommandSpec>;

/** The names of these commands. */
export type InstalledCommand = keyof typeof specs;

export const installedCommands: Record<InstalledCommand, CommandSpec> = specs;

/** The names in the order in which help shows them. */
export const installedCommandNames = Object.keys(specs) as InstalledCommand[];

/** Whether a command's name is one of these. */
export function isInstalledCommand(name: string): name is InstalledCommand {
  return Object.hasOwn(specs, name);
}
