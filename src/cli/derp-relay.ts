/** Entry of the program `derp-relay`. */
import { relayCommand } from './commands/relay-command.ts';

try {
  process.exitCode = await relayCommand('derp-relay', process.argv.slice(2));
} catch (error) {
  process.stderr.write(`derp-relay: unexpected error: ${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
}
