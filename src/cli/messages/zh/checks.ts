import type { Check, CheckData, CheckId, ProbeOptions } from '../../../probe/check.ts';
import { formatMs } from '../../../probe/latency.ts';
import type { CheckExplanation } from '../wording.ts';

type Explain = (check: Check, about: ProbeOptions) => CheckExplanation;

/** What a check measured, where it is known to have measured it. */
function dataOf<Id extends CheckId>(check: Check, _id: Id): CheckData[Id] | undefined {
  return check.data as CheckData[Id] | undefined;
}

/** The HTTP status that an English sentence names. */
function httpStatus({ detail }: Check): string {
  const status = /HTTP (\d{3})/.exec(detail)?.[1];
  return status === undefined ? '' : `（HTTP ${status}）`;
}

/** The system's code that an English sentence names. */
function systemCode({ detail }: Check): string {
  const code = /\b(E[A-Z_]{3,}|[A-Z_]*SSL[A-Z_]*|[A-Z]+(_[A-Z]+)+)\b/.exec(detail)?.[1];
  return code === undefined ? '' : `（${code}）`;
}

/** The port that a check is about. */
function portOf({ id }: Check, { derpPort, stunPort, httpPort }: ProbeOptions): number | undefined {
  if (id === 'stun') return stunPort;
  return id === 'captive-portal' ? httpPort : derpPort;
}

/** The addresses that did not answer, where others did. */
function silentAddresses(check: Check): string {
  if (check.status !== 'warning') return '';
  const addresses = /^([^\s]+(?:, [^\s]+)*): /.exec(check.detail)?.[1];
  return addresses === undefined ? '' : `${addresses}：`;
}

function stunSights(check: Check): string {
  const { answers = [] } = dataOf(check, 'stun') ?? {};
  return answers.map(({ mapped, port, rttMs }) => `看到本机的地址为 ${mapped}:${port}，${formatMs(rttMs)}`).join('；');
}

function times({ minMs, medianMs, maxMs }: CheckData['relay']): string {
  return `最短、中位、最长延迟 ${formatMs(minMs)} / ${formatMs(medianMs)} / ${formatMs(maxMs)}`;
}

const passThrough = '请把 TLS 原样转发给中继（nginx stream 加 ssl_preread）';
const wrongServer = '此端口被其他 Web 服务器占用：请给中继单独的端口，或按域名转发给它。';

/** Sentences for what is right. */
const fine: { [Id in CheckId]: (check: Check, about: ProbeOptions) => string } = {
  resolve: (check) => dataOf(check, 'resolve')?.addresses.join(', ') ?? check.detail,
  tcp: (check, { derpPort }) => `${dataOf(check, 'tcp')?.reached.join(', ') ?? ''} 的端口 ${derpPort} 可以连接`,
  tls: (check) => check.detail,
  certificate: (check, { host }) => {
    const data = dataOf(check, 'certificate');
    if (!data) return check.detail;
    const what = data.trust === 'pin' ? '指纹一致' : `适用于 ${host}，由 ${data.issuer} 签发`;
    return `${what}，剩余 ${data.daysLeft} 天`;
  },
  login: (check) => {
    const data = dataOf(check, 'login');
    if (!data) return check.detail;
    return `已通过${data.way === 'fast-start' ? '快速启动（fast start）' : ' HTTP 升级'}登录，中继公钥 ${data.serverKey}`;
  },
  relay: (check) => {
    const data = dataOf(check, 'relay');
    return data ? `双向共 ${data.sent} 个数据包，无丢失，${times(data)}` : check.detail;
  },
  websocket: () => '可以登录',
  stun: stunSights,
  'captive-portal': (_, { httpPort }) => `端口 ${httpPort} 的响应符合客户端的预期`,
};

/** Sentences for what is wrong, by the stable code of the reason. */
export const reasons: Record<string, Explain> = {
  'blocked-name': (check, { host }) => ({
    detail: `${host} 解析为 ${fine.resolve(check, { host })}，这是 DNS 过滤器屏蔽域名的做法`,
    remedy: '请换用其他 DNS 服务器，或将此域名移出过滤名单。',
  }),
  'fake-address': (check, { host }) => ({
    detail: `${host} 解析为 ${fine.resolve(check, { host })}，这是 Clash 之类的代理软件生成的虚假地址（fake-ip）`,
    remedy: '请在没有此类代理的机器上检查，或将此域名排除在 fake-ip 之外；Tailscale 同样需要这样设置。',
  }),
  'loopback-name': (check, { host }) => ({
    detail: `${host} 在本机解析为 ${fine.resolve(check, { host })}，因此只能从内部检查此中继`,
    remedy: '请从本机的 /etc/hosts 中删除此域名，或在另一台机器上检查。',
  }),
  'no-such-name': (_, { host }) => ({
    detail: `DNS 中没有 ${host} 的地址`,
    remedy: `请为 ${host} 添加 A 记录（使用 IPv6 时再加 AAAA 记录）；新记录可能要几分钟才会生效。`,
  }),
  'dns-unreachable': (check, { host }) => ({
    detail: `查询 ${host} 时 DNS 没有响应${systemCode(check)}`,
    remedy: '请检查本机的 DNS 服务器（/etc/resolv.conf）。',
  }),
  'connection-refused': (check, about) => ({
    detail: `${silentAddresses(check)}端口 ${portOf(check, about)} 拒绝连接：没有程序在监听，或被防火墙拒绝`,
    remedy: `请确认中继正在运行，并在所有地址（而不只是 127.0.0.1）上监听端口 ${portOf(check, about)}。`,
  }),
  'connection-timed-out': (check, about) => ({
    detail: `${silentAddresses(check)}端口 ${portOf(check, about)} 没有响应：数据包被防火墙丢弃，或主机未开机`,
    remedy: `请在主机防火墙和云服务商的安全组中放行 TCP 端口 ${portOf(check, about)}。`,
  }),
  'connection-reset': (check, about) => ({
    detail: `${silentAddresses(check)}端口 ${portOf(check, about)} 的连接立即被断开`,
    remedy: '请检查中继前面的防火墙或负载均衡；换一个网络，结果可能不同。',
  }),
  'host-unreachable': (check) => ({
    detail: `${silentAddresses(check)}网络报告主机不可达`,
    remedy: '请检查地址，并确认主机已开机。',
  }),
  'no-connection': (check, about) => ({
    detail: `${silentAddresses(check)}无法连接端口 ${portOf(check, about)}${systemCode(check)}`,
    remedy: '请检查本机网络，以及本机是否支持中继所用的地址类型（IPv4、IPv6）。',
  }),
  'no-tls': (check, about) => ({
    detail: `端口 ${portOf(check, about)} 上的程序不使用 TLS`,
    remedy: '请为中继配置证书，或改用有 TLS 的端口；客户端不能使用明文 HTTP 端口。',
  }),
  'no-certificate-for-name': () => ({
    detail: '服务器没有此名称的证书',
    remedy: '请使用中继设置时的名称，或按此名称重新设置；derper 会拒绝直接使用 IP 地址的客户端。',
  }),
  'tls-refused': (check) => ({
    detail: `TLS 握手失败${systemCode(check)}`,
    remedy: '服务器必须支持 TLS 1.2（最好是 1.3），使用 ECDSA 或 RSA 证书，并且不能要求客户端证书。',
  }),
  'tls-timed-out': () => ({
    detail: '连接已建立，但 TLS 握手没有响应',
    remedy: '请确认监听此端口的是中继（而不是等待 PROXY 头的代理），并检查途中是否丢包（MTU）。',
  }),
  'tls-cut-off': (check) => ({
    detail: `连接在 TLS 握手时被切断${systemCode(check)}`,
    remedy: '如果中继日志里没有这次连接，说明途中有设备按域名过滤：请换一个网络，或改用 IP 地址加证书指纹。',
  }),
  'old-tls': (check) => ({
    detail: `只支持 ${dataOf(check, 'tls')?.protocol ?? 'TLS 1.2'}，客户端无法快速启动，每次连接多一次往返`,
    remedy: '请在服务器上，或在其前面终结 TLS 的程序上启用 TLS 1.3。',
  }),
  'pin-mismatch': (check) => ({
    detail: `证书指纹是 ${dataOf(check, 'certificate')?.pin}，与指定的不同`,
    remedy: '如果证书是新换的，请把 derpMap 中的 CertName 改为此指纹；否则说明有人在中间拦截。',
  }),
  'several-certificates': () => ({
    detail: '服务器发送了多个证书，而使用指纹时只允许一个',
    remedy: '请让服务器只发送这一个证书；由证书机构签发的证书不要使用指纹。',
  }),
  name: (check, { host }) => ({
    detail: `证书适用于 ${dataOf(check, 'certificate')?.subject}，不适用于 ${host}`,
    remedy: `请为 ${host} 申请证书，或在 derpMap 中使用证书里的名称；IP 地址可用自签名证书加指纹。`,
  }),
  expired: (check) => ({
    detail: `证书已于 ${dataOf(check, 'certificate')?.notAfter.slice(0, 10)} 过期`,
    remedy: '请更新证书；如果已经更新，请让服务器重新加载。',
  }),
  'not-yet-valid': (check) => ({
    detail: `证书从 ${dataOf(check, 'certificate')?.notBefore.slice(0, 10)} 起才有效`,
    remedy: '请检查本机和服务器的时钟。',
  }),
  'self-signed': (check) => ({
    detail: '证书是自签名的',
    remedy: `如果是您自己的证书，请使用指纹：在 derpMap 的 CertName 和这里的 --pin 中填写 ${dataOf(check, 'certificate')?.pin}。`,
  }),
  'incomplete-chain': (check) => ({
    detail: `服务器没有发送签发者（${dataOf(check, 'certificate')?.issuer}）的证书`,
    remedy: '请配置完整的证书链（fullchain.pem），而不只是服务器证书。',
  }),
  untrusted: (check) => ({
    detail: `证书没有受信任的颁发机构${systemCode(check)}`,
    remedy: '请使用公共证书机构的证书，或让客户端信任您的机构。',
  }),
  'expires-soon': (check, about) => ({
    detail: fine.certificate(check, about),
    remedy:
      dataOf(check, 'certificate')?.trust === 'pin'
        ? '请在过期前生成新证书，并把新指纹写入所有客户端的 derpMap。'
        : '证书早该续期了：请查看续期日志。',
  }),
  'no-fast-start': () => ({
    detail: '通过 HTTP 升级登录；收不到中继的元证书，每次登录多一次往返',
    remedy: `中继前面有程序终结了 TLS，或只允许 TLS 1.2：${passThrough}。`,
  }),
  'tls-ends-before': () => ({
    detail:
      '通过 HTTP 升级登录；TLS 在中继前面就已终结：每次登录多一次往返，客户端地址只能从请求头得知，空闲连接受前面程序的超时限制',
    remedy: `${passThrough}；如果做不到，请让前面的代理等待数分钟以上（nginx：proxy_read_timeout），并让中继只信任该代理（forwardedFrom）。`,
  }),
  'not-admitted': () => ({
    detail: '中继在登录后立即断开：它不接受这个密钥',
    remedy: '启用客户端验证时，拒绝陌生人是正常的；请使用被允许的密钥检查，并查看中继日志。',
  }),
  'upgrade-timed-out': () => ({
    detail: '升级请求没有得到响应',
    remedy: '请检查前面是否有代理扣住了请求，以及中继是否繁忙或卡在缓慢的验证上。',
  }),
  'login-timed-out': () => ({
    detail: '登录没有得到响应',
    remedy: '请检查前面是否有代理扣住了请求，以及中继是否繁忙或卡在缓慢的验证上。',
  }),
  'not-derp': () => ({
    detail: '收到的数据不是 DERP 协议',
    remedy: `响应的不是 DERP 中继，或数据被代理改动：${passThrough}。`,
  }),
  'connection-lost': () => ({
    detail: '连接意外中断',
    remedy: '请重试；如果一直如此，请查看中继日志、连接数限制，以及前面的代理是否有时间限制。',
  }),
  'no-upgrade': (check) => ({
    detail: `DERP 升级请求没有被接受${httpStatus(check)}`,
    remedy: `监听的不是中继，或前面的代理截断了升级请求：${passThrough}，或至少为 /derp 转发 Upgrade 和 Connection 头。`,
  }),
  redirected: (check) => ({ detail: `/derp 被重定向${httpStatus(check)}`, remedy: wrongServer }),
  forbidden: (check) => ({
    detail: `/derp 被禁止访问${httpStatus(check)}`,
    remedy: '请检查中继前面的 Web 应用防火墙、CDN 或访问控制列表。',
  }),
  'no-derp-here': (check) => ({ detail: `这里没有 /derp${httpStatus(check)}`, remedy: wrongServer }),
  overloaded: (check) => ({
    detail: `请求暂时被拒绝${httpStatus(check)}`,
    remedy: '请确认后面的中继正在运行，并检查连接数和请求数的限制。',
  }),
  'relay-down': (check) => ({
    detail: `前面的代理无法连接中继${httpStatus(check)}`,
    remedy: '请启动中继，并检查代理转发的地址。',
  }),
  'damaged-packets': (check) => ({
    detail: `${dataOf(check, 'relay')?.sent} 个数据包中有一部分内容被改动`,
    remedy: '客户端与中继之间的设备或中继本身有故障：请检查内存，并绕开代理。',
  }),
  'nothing-relayed': (check) => ({
    detail: `两个客户端都已登录，但 ${dataOf(check, 'relay')?.sent} 个数据包无一到达`,
    remedy: '如果多个中继共用此名称或地址，它们必须用同一密钥组网（mesh）；否则请查看中继日志。',
  }),
  'packet-loss': (check) => {
    const data = dataOf(check, 'relay');
    return {
      detail: data ? `${data.sent} 个数据包丢失 ${data.lost} 个，${times(data)}` : check.detail,
      remedy: '客户端或中继的 CPU 处理不过来时，中继会丢包：请检查负载、限制和丢包计数。',
    };
  },
  'nat-in-the-way': (check) => ({
    detail: `${stunSights(check)}：这不是真实地址，途中的 NAT 或代理隐藏了客户端`,
    remedy: '请让客户端不经 NAT 访问 STUN 端口：容器使用主机网络，转发端口时不做地址伪装，不用 UDP 代理。',
  }),
  'own-address': (check) => ({
    detail: `${stunSights(check)}，即中继自己的地址：在中继所在机器上检查属正常，否则说明客户端的地址被改写`,
    remedy: '如果这不是中继所在的机器，请让客户端不经 NAT 访问 STUN 端口：容器使用主机网络，转发端口时不做地址伪装。',
  }),
  'implausible-answer': (check) => ({
    detail: `${stunSights(check)}：不可能有这样的地址`,
    remedy: '此服务器有问题：请查看是哪个程序占用了该端口。',
  }),
  'stun-refused': (check, { stunPort }) => ({
    detail: `${silentAddresses(check)}没有程序监听 UDP 端口 ${stunPort}`,
    remedy: '请确认中继已启用 STUN，并使用此端口和此地址类型。',
  }),
  'stun-bad-answer': (check, { stunPort }) => ({
    detail: `${silentAddresses(check)}在 UDP 端口 ${stunPort} 响应的不是 STUN 服务器`,
    remedy: '请查看是哪个程序占用了该端口。',
  }),
  'stun-unreachable': (check) => ({
    detail: `${silentAddresses(check)}本机无法发出请求`,
    remedy: '请检查本机网络，以及防火墙是否允许 UDP 出站。',
  }),
  'stun-timed-out': (check, { stunPort }) => ({
    detail: `${silentAddresses(check)}UDP 端口 ${stunPort} 没有响应：防火墙丢弃了 UDP，或中继未启用 STUN`,
    remedy: `请在主机防火墙和云服务商的安全组中放行 UDP 端口 ${stunPort}（只放行 TCP 不够）。`,
  }),
  'not-204': (check, { httpPort }) => ({
    detail: `端口 ${httpPort} 的响应不是 204${httpStatus(check)}，客户端会误以为有强制门户`,
    remedy: `请把端口 ${httpPort} 交给中继，或把 /generate_204 转发给它；否则请从 derpMap 中去掉 CanPort80。`,
  }),
  'no-response': (_, { httpPort }) => ({
    detail: `端口 ${httpPort} 响应了 204，但缺少客户端要求的内容，说明响应者不是中继`,
    remedy: `请把端口 ${httpPort} 交给中继，或把 /generate_204 转发给它；否则请从 derpMap 中去掉 CanPort80。`,
  }),
  'no-http': (check, { httpPort }) => ({
    detail: `端口 ${httpPort} 没有 HTTP 响应${systemCode(check)}，客户端无法借此检测强制门户`,
    remedy: `请在防火墙中放行 TCP 端口 ${httpPort} 并让中继提供服务，或从 derpMap 中去掉 CanPort80。`,
  }),
};

/** A check in Chinese. What the probe learns to say later is shown in its own words until it is translated. */
export const explainCheck: Explain = (check, about) => {
  if (check.status === 'skipped') return { detail: check.ok ? '未检查：已关闭' : '未检查：前面的检查未通过' };
  if (check.status === 'ok') return { detail: fine[check.id](check, about) };
  const explain = reasons[check.reason ?? ''];
  if (explain) return explain(check, about);
  return { detail: check.detail, ...(check.remedy !== undefined && { remedy: check.remedy }) };
};
