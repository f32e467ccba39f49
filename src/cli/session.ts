/** What every command is run with. */
import type { Messages } from './messages/en.ts';
import type { Output } from './output.ts';

export interface Session {
  output: Output;
  messages: Messages;
  environment: Record<string, string | undefined>;
}
