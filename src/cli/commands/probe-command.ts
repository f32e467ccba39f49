/** `derp-setup probe <host>`: what a client would find, one line a check, each as soon as it is known. */
import type { Check, ProbeOptions } from '../../probe/check.ts';
import { probeRelay } from '../../probe/probe.ts';
import { fileRule } from '../../setup/answers/documents.ts';
import type { Problem } from '../../setup/answers/problems.ts';
import { parseCount, parseHost, parsePin, parsePort } from '../../setup/answers/values.ts';
import { parseChain } from '../../setup/certificate/pair.ts';
import { systemAuthorities } from '../../system/authorities.ts';
import { FileError, readText } from '../../system/files.ts';
import { FlagReader } from '../flag-reader.ts';
import type { Flags } from '../flags.ts';
import { EXIT_INTERRUPTED, watchInterruption } from '../interruption.ts';
import { checkLines } from '../lines/check-lines.ts';
import { columnsOf } from '../lines/columns.ts';
import { tellProblems } from '../problem-list.ts';
import type { Session } from '../session.ts';

const EXIT = { good: 0, failed: 1, badUsage: 2 };
const MOST_PACKETS = 100_000;

/** The usual ports of a relay, as clients assume them. */
const USUAL_PORTS = { derpPort: 443, stunPort: 3478, httpPort: 80 };

async function readAuthorities(reader: FlagReader): Promise<string | undefined> {
  const path = reader.read('ca', '--ca', (text) => ({ ok: true, value: text }));
  if (path === undefined) return undefined;
  try {
    const pem = await readText(path);
    if (parseChain(pem)) return pem;
    reader.refuse('--ca', { code: 'not-a-certificate' }, path);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    reader.refuse('--ca', fileRule(error), path);
  }
  return undefined;
}

async function readOptions(
  words: readonly string[],
  reader: FlagReader,
  environment: Session['environment'],
): Promise<ProbeOptions> {
  const host = words[0] === undefined ? undefined : parseHost(words[0]);
  if (host?.ok === false) reader.refuse('<host>', host.rule, words[0]);
  if (host === undefined && reader.problems.length === 0) reader.refuse('<host>', { code: 'missing-host' });
  const offAllowed = { offAllowed: true };
  const ports = {
    derpPort: reader.read('derpPort', '--derp-port', (text) => parsePort(text)) ?? USUAL_PORTS.derpPort,
    stunPort: reader.read('stunPort', '--stun-port', (text) => parsePort(text, offAllowed)) ?? USUAL_PORTS.stunPort,
    httpPort: reader.read('httpPort', '--http-port', (text) => parsePort(text, offAllowed)) ?? USUAL_PORTS.httpPort,
  };
  const pin = reader.read('pin', '--pin', parsePin) ?? reader.read('certName', '--cert-name', parsePin);
  const packets = reader.read('count', '--count', (text) => parseCount(text, 1, MOST_PACKETS));
  const authorities = [await readAuthorities(reader), await systemAuthorities(environment)];
  const extraCa = authorities.filter((pem) => pem).join('\n');
  return {
    host: host?.ok ? host.value : '',
    ...ports,
    ...(pin !== undefined && { pin }),
    ...(packets !== undefined && { packets }),
    ...(extraCa !== '' && { extraCa }),
  };
}

/** Runs the command; resolves to its exit code. */
export async function probeCommand(
  flags: Flags,
  words: readonly string[],
  usageProblems: readonly Problem[],
  { output, messages, environment }: Session,
): Promise<number> {
  const reader = new FlagReader(flags, usageProblems);
  const options = await readOptions(words, reader, environment);
  if (reader.problems.length > 0) {
    tellProblems(reader.problems, output, messages);
    return EXIT.badUsage;
  }
  const { report } = messages;
  const interruption = watchInterruption();
  const checks: Check[] = [];
  try {
    const onStart: ProbeOptions['onStart'] = (id) => output.busy(messages.checks[id]);
    for await (const check of probeRelay({ ...options, signal: interruption.signal, onStart })) {
      checks.push(check);
      output.idle();
      if (output.quiet && check.ok && check.status !== 'warning') continue;
      for (const line of checkLines(check, options, messages, output.paint, columnsOf(process.stdout)))
        output.answer(line);
    }
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    output.idle();
    output.error(report.interrupted);
    output.document({ ok: false, problems: [{ code: 'interrupted', rule: report.interrupted }] });
    return EXIT_INTERRUPTED;
  } finally {
    output.idle();
    interruption.release();
  }
  const failed = checks.filter(({ status }) => status === 'failed').length;
  const ok = checks.every((check) => check.ok);
  output.progress(ok ? report.probePassed : report.probeFailed(failed));
  const { host, derpPort, stunPort, httpPort } = options;
  output.document({ ok, host, ports: { derp: derpPort, http: httpPort, stun: stunPort }, checks });
  return ok ? EXIT.good : EXIT.failed;
}
