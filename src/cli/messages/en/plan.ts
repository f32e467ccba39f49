import type { CertificateMode } from '../../../setup/questions.ts';

const list = (names: readonly string[]) => names.join(', ');

export const plan = {
  list,
  files: (count: number) => (count === 1 ? '1 file' : `${count} files`),
  filesIn: (names: string, directory: string) => `${names} in ${directory}`,
  filesAndBytes: (files: number, bytes: string) => `${files} files, ${bytes}`,
  isNew: 'new',
  newFiles: (count: number) => `${count} new`,
  lines: (added: number, removed: number) =>
    [...(added > 0 ? [`+${added}`] : []), ...(removed > 0 ? [`−${removed}`] : [])].join(' ') +
    (added + removed === 1 ? ' line' : ' lines'),
  replaced: 'replaced',
  modeOnly: 'owner and mode only',
  editedByHand: 'changed by hand since the last run',

  user: (name: string) => `create the system user ${name}`,
  programs: (path: string) => `install ${path}`,
  usePrograms: (version: string) => `run derp-setup ${version} from now on`,
  withRuntime: (version: string) => `a copy of Node ${version}`,
  runtime: (version: string) => `install a copy of Node ${version} for the service`,
  certificate: 'write the certificate and its key',
  certificateDetail: {
    'self-signed': (until: string) => `self-signed, to ${until}`,
    manual: (until: string) => `a copy of yours, to ${until}`,
  } satisfies Record<CertificateMode, (until: string) => string>,
  relayKey: "write the relay's own keys",
  write: (what: string) => `write ${what}`,
  change: (what: string) => `change ${what}`,
  directories: (paths: readonly string[]) => `make ${list(paths)}`,
  directoryModes: (paths: readonly string[]) => `set owner and mode of ${list(paths)}`,
  openFirewall: (tool: string, ports: string) => `open ${ports} in ${tool}`,
  stopDerper: (name: string) => `stop ${name} and take its place`,
  stopDerperNote: 'started again if anything fails',
  boot: (units: string) => `start at boot: ${units}`,
  start: (name: string) => `start ${name}, wait until it serves`,
  restart: (name: string) => `restart ${name}, wait until it serves`,
  restartNote: 'clients connect again within seconds',
  reload: (name: string) => `have ${name} read its certificate again`,
  reloadNote: 'nobody is disconnected',
  prove: (host: string) => `prove it: two clients exchange packets through ${host}`,
  keep: (what: string) => `keep ${what}`,
  keepNote: "root's alone from now on",
  remove: (what: string) => `remove ${what}`,
  removeTree: (path: string) => `remove ${path} and everything in it`,
  removeDirectories: (paths: readonly string[]) => `remove ${list(paths)}, if nothing else is in there`,
  disable: (units: string) => `stop ${units}, and start them no more`,
  reloadUnits: 'have systemd read its units again',
  closeFirewall: (tool: string, ports: string) => `close ${ports} in ${tool}`,
  removeUser: (name: string) => `remove the system user ${name}`,

  undo: (what: string) => `put back: ${what}`,
  undoing: (what: string) => `putting back ${what}`,

  goOn: 'Go on?',
  showDifferences: 'differences',
  saveAnswers: 'save the answers for scripts',
  noDifferences: 'No files to compare.',
  savePath: 'Save the answers to',
  replace: (path: string) => `${path} is there already. Replace it?`,
  saved: (path: string) => `Saved to ${path}. In a script:`,

  secret: 'a secret: its content is never shown',
  onlyMode: 'the same content; owner and mode change',
  certificateText: (count: number) => (count === 1 ? 'a certificate in PEM form' : `${count} certificates in PEM form`),
  moreLines: (count: number) => `… ${count} more ${count === 1 ? 'line' : 'lines'}; --verbose shows all`,
};
