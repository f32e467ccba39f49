/** Which proxy a request takes, by the variables that programs on Unix read. */

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether NO_PROXY's list names a host: exactly, as a domain (with or without a leading dot or star), or by `*`. */
function isExcepted(host: string, port: string, list: string): boolean {
  return list.split(/[\s,]+/).some((entry) => {
    if (entry === '') return false;
    if (entry === '*') return true;
    const [, name, onlyPort] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase().replace(/^\*?\./, ''))!;
    if (onlyPort !== undefined && onlyPort !== port) return false;
    return host === name || host.endsWith(`.${name}`);
  });
}

/** The proxy for an https URL; undefined where none is set, or what is set is no http(s) URL. */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const read = (name: string) => environment[name.toLowerCase()] || environment[name.toUpperCase()] || '';
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (isExcepted(host, url.port || '443', read('no_proxy'))) return undefined;
  const named = read('https_proxy') || read('all_proxy');
  if (named === '') return undefined;
  const text = named.includes('://') ? named : `http://${named}`;
  if (!URL.canParse(text)) return undefined;
  const proxy = new URL(text);
  return ['http:', 'https:'].includes(proxy.protocol) ? proxy : undefined;
}
