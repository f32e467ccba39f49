/** Entry of the program `derp-setup`. */
import { installedCommands, isInstalledCommand } from './commands.ts';
import { EXIT } from './exit-codes.ts';
import { mustEndInOrder } from './interruption.ts';
import { readCommandLine } from './invocation.ts';
import { chooseLanguage, languageProblems, messagesIn } from './language.ts';
import { createOutput } from './output.ts';
import { tellProblems } from './problem-list.ts';
import type { Session } from './session.ts';
import { addEnvironmentSwitches } from './switches.ts';
import { WizardInterrupted } from './wizard/prompter.ts';

async function main(argv: readonly string[]): Promise<number> {
  const environment = process.env;
  const messages = messagesIn(chooseLanguage(argv, environment));
  const invocation = readCommandLine(argv, messages);
  const { flags, problems: badSwitches } = addEnvironmentSwitches(
    invocation.command === 'print' ? {} : invocation.flags,
    environment,
  );
  const output = createOutput({
    stdout: process.stdout,
    stderr: process.stderr,
    environment,
    // Help and version are texts, whatever the format of answers.
    json: flags.json === true && invocation.command !== 'print',
    quiet: flags.quiet === true,
    verbose: flags.verbose === true,
    color: flags.color !== false,
  });
  if (invocation.command === 'print') {
    output.answer(invocation.text);
    return 0;
  }
  const session: Session = { output, messages, environment };
  const { words } = invocation;
  const problems = [...invocation.problems, ...badSwitches, ...languageProblems(flags.lang, environment)];
  try {
    // Each command is loaded when it is needed, so that help and mistakes are answered at once.
    if (invocation.command === 'relay' && problems.length === 0) {
      const { relayCommand } = await import('./commands/relay-command.ts');
      return await relayCommand('derp-setup relay', words);
    }
    if (invocation.command === 'relay') {
      tellProblems(problems, output, messages);
      return 2;
    }
    if (invocation.command === 'probe') {
      const { probeCommand } = await import('./commands/probe-command.ts');
      return await probeCommand(flags, words, problems, session);
    }
    if (isInstalledCommand(invocation.command)) {
      const command = await installedCommands[invocation.command].load();
      return await command(flags, words, problems, session);
    }
    const { setupCommand } = await import('./commands/setup-command.ts');
    return await setupCommand(flags, problems, session, async (name, given) => {
      const command = await installedCommands[name].load();
      return await command(given, [], [], session);
    });
  } catch (error) {
    output.idle();
    if (error instanceof WizardInterrupted) {
      output.error(messages.report.nothingChanged);
      return EXIT.interrupted;
    }
    const detail = error instanceof Error ? error.message : String(error);
    output.error(`derp-setup: ${messages.report.unexpected(detail)}`);
    if (output.verbose && error instanceof Error) output.error(error.stack ?? '');
    output.document({ ok: false, problems: [{ code: 'unexpected', rule: detail }] });
    return 1;
  }
}

// A reader that has seen enough (`| head`) is no error, nor is a terminal that was closed.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    // What has begun to change the machine goes on to its end, or back, even if nobody looks.
    if (!mustEndInOrder()) process.exit();
  });
}

process.exitCode = await main(process.argv.slice(2));
