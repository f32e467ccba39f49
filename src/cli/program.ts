/** The commands and their flags, as commander knows them, and the help that comes out of that. */
import { Argument, Command, Option } from 'commander';
import { type QuestionKey, questions } from '../setup/answers/questions.ts';
import { type InstalledCommand, installedCommandNames, installedCommands } from './commands.ts';
import { displayWidth } from './lines/text.ts';
import type { Messages } from './messages/en.ts';
import { relayHelp } from './relay/help.ts';

/** Help is written for this width, so that it reads the same everywhere. */
const HELP_WIDTH = 120;

/** The questions in the groups in which help shows them. */
const QUESTION_GROUPS: readonly (readonly [keyof Messages['help']['groups'], readonly QuestionKey[]])[] = [
  [
    'address',
    ['host', 'cert', 'certFile', 'keyFile', 'email', 'acmeDirectory', 'acmeChallenge', 'eabKid', 'eabKeyFile'],
  ],
  ['ports', ['derpPort', 'httpPort', 'stunPort', 'front', 'relayPort', 'sitesPort', 'relayHttpPort']],
  ['running', ['deploy', 'image', 'verify', 'allowCidr', 'denyCidr', 'clientRate', 'home']],
  ['map', ['regionId', 'regionCode', 'regionName', 'nodeName', 'ipv4', 'ipv6']],
];

/**
 * A flag with a value. To commander the value is optional, so that a missing one becomes a problem among the others
 * instead of the end; help shows it as what it is.
 */
function valued(flag: string, placeholder: string, description: string, group: string): Option {
  return new Option(`${flag} [${placeholder}]`, description).helpGroup(group);
}

function addQuestions(command: Command, { help }: Messages): void {
  for (const [group, keys] of QUESTION_GROUPS) {
    for (const key of keys) {
      const { flag, placeholder } = questions[key];
      command.addOption(valued(flag, placeholder, help.flags[key], help.groups[group]));
    }
  }
  const { running } = help.groups;
  const add = (flag: string, description: string) =>
    command.addOption(new Option(flag, description).helpGroup(running));
  add('--once', help.flags.once);
  add('--dry-run', help.flags.dryRun);
  // Commander would take "--no-start" for the opposite of a "--start", true by default.
  command.addOption(new Option('--no-start', help.flags.noStart).helpGroup(running));
  add('--open-firewall', help.flags.openFirewall);
  add('--take-over', help.flags.takeOver);
  add('--overwrite', help.flags.overwrite);
  command.addOption(valued('--answers', 'file', help.flags.answers, running));
}

function addProbeFlags(command: Command, { help }: Messages): void {
  const add = (flag: string, placeholder: string, description: string) =>
    command.addOption(valued(flag, placeholder, description, help.groups.probe));
  add('--derp-port', 'port', help.flags.probeDerpPort);
  add('--stun-port', 'port', help.flags.probeStunPort);
  add('--http-port', 'port', help.flags.probeHttpPort);
  add('--pin', 'pin', help.flags.probePin);
  // The derpMap's own name for it.
  command.addOption(valued('--cert-name', 'pin', help.flags.probePin, help.groups.probe).hideHelp());
  add('--ca', 'file', help.flags.probeCa);
  add('--count', 'number', help.flags.probeCount);
}

function addGeneralFlags(command: Command, { help }: Messages): void {
  const { general } = help.groups;
  const add = (flag: string, description: string) =>
    command.addOption(new Option(flag, description).helpGroup(general));
  command.addOption(valued('--root', 'dir', help.flags.root, general));
  add('--yes', help.flags.yes);
  add('--json', help.flags.json);
  command.addOption(valued('--lang', 'language', help.flags.lang, general));
  add('--no-color', help.flags.noColor);
  add('--quiet', help.flags.quiet);
  add('--verbose', help.flags.verbose);
  command.addHelpOption(new Option('-h, --help', help.flags.help).helpGroup(general));
}

function addInstalledCommand(program: Command, name: InstalledCommand, messages: Messages): Command {
  const { help } = messages;
  const command = configure(program.command(name).description(help.commands[name]), messages)
    .usage(help.commandUsage)
    .addHelpText('before', examples(help.commandExamples[name], help.examplesTitle))
    .addHelpText('after', `\n${help.commandFooters[name]}`);
  for (const { flag, placeholder, help: key } of installedCommands[name].flags) {
    const { command: group } = help.groups;
    const description = help.flags[key];
    command.addOption(
      placeholder === undefined
        ? new Option(flag, description).helpGroup(group)
        : valued(flag, placeholder, description, group),
    );
  }
  addGeneralFlags(command, messages);
  return command;
}

function configure(command: Command, messages: Messages): Command {
  const { help } = messages;
  const titles: Record<string, string> = {
    'Usage:': help.usageTitle,
    'Arguments:': help.argumentsTitle,
    'Commands:': help.commandsTitle,
  };
  return command
    .allowUnknownOption()
    .allowExcessArguments()
    .exitOverride()
    .configureHelp({
      helpWidth: HELP_WIDTH,
      displayWidth,
      styleTitle: (title) => titles[title] ?? title,
      optionTerm: (option) => option.flags.replace(/\[(.*)\]/, '<$1>'),
      subcommandTerm: (subcommand) =>
        [subcommand.name(), ...subcommand.registeredArguments.map((argument) => `<${argument.name()}>`)].join(' '),
    });
}

function examples(pairs: readonly (readonly string[])[], title: string): string {
  const width = Math.max(...pairs.map(([line]) => line!.length));
  const lines = pairs.map(([line, meaning]) => `  ${line!.padEnd(width)}  ${meaning}`);
  return `${title}\n${lines.join('\n')}\n`;
}

/** What a command's action is told: its own flags with those given before its name, and its words. */
export type OnCommand = (name: CommandName, command: Command) => void;

/** Every command. */
export type CommandName = 'setup' | 'probe' | 'relay' | InstalledCommand;

/** The program with all its commands; `onCommand` is called with the one that was chosen. */
export function createProgram(messages: Messages, onCommand: OnCommand): Command {
  const { help } = messages;
  const header = `derp-setup ${__VERSION__}: ${help.summary}\n`;
  const setupText = `${header}\n${examples(help.setupExamples, help.examplesTitle)}`;
  const program = configure(new Command('derp-setup'), messages)
    .usage(help.setupUsage)
    .enablePositionalOptions()
    .addHelpText('before', setupText)
    .addHelpText('after', `\n${help.footer}`)
    .helpCommand('help [command]', help.commands.help);
  addQuestions(program, messages);
  addGeneralFlags(program, messages);
  program.version(__VERSION__, '-V, --version', help.flags.version);
  program.options.find(({ long }) => long === '--version')?.helpGroup(help.groups.general);
  program.action(() => onCommand('setup', program));

  const setup = configure(program.command('setup').description(help.commands.setup), messages)
    .usage(help.setupUsage.replace('[setup] ', ''))
    .addHelpText('before', setupText)
    .addHelpText('after', `\n${help.footer}`);
  addQuestions(setup, messages);
  addGeneralFlags(setup, messages);
  setup.action(() => onCommand('setup', setup));

  for (const name of installedCommandNames) {
    const command = addInstalledCommand(program, name, messages);
    command.action(() => onCommand(name, command));
  }

  const probe = configure(program.command('probe').description(help.commands.probe), messages)
    .usage(help.probeUsage)
    .addArgument(new Argument('[host]', help.probeHost))
    .addHelpText('before', examples(help.probeExamples, help.examplesTitle))
    .addHelpText('after', `\n${help.probeFooter}`);
  addProbeFlags(probe, messages);
  addGeneralFlags(probe, messages);
  probe.action(() => onCommand('probe', probe));

  // Its flags are derper's, with one hyphen, which commander would misread: all words are passed on as they are.
  const relay = configure(program.command('relay').description(help.commands.relay), messages)
    .passThroughOptions()
    .helpOption(false)
    .configureHelp({ formatHelp: () => relayHelp('derp-setup relay') });
  relay.action(() => onCommand('relay', relay));
  return program;
}
