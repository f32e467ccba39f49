/** Reads the values of a command's flags, and collects what is wrong with them. */
import type { Parsed, Problem, Rule } from '../setup/answers/problems.ts';
import type { Flags } from './flags.ts';

export class FlagReader {
  readonly problems: Problem[];
  readonly #flags: Flags;

  /** @param problems what is wrong already */
  constructor(flags: Flags, problems: readonly Problem[]) {
    this.#flags = flags;
    this.problems = [...problems];
  }

  /** The value of a flag, or undefined when it was not given or cannot be used. */
  read<T>(name: string, flag: string, parse: (text: string) => Parsed<T>): T | undefined {
    const text = this.#flags[name];
    if (text === undefined) return undefined;
    if (typeof text !== 'string') {
      this.refuse(flag, { code: 'missing-value' });
      return undefined;
    }
    const parsed = parse(text);
    if (parsed.ok) return parsed.value;
    for (const { rule, value } of parsed.parts ?? [{ rule: parsed.rule, value: text }]) this.refuse(flag, rule, value);
    return undefined;
  }

  refuse(flag: string, rule: Rule, value?: string): void {
    this.problems.push({ subject: flag, flag, ...(value !== undefined && { value }), rule });
  }
}
