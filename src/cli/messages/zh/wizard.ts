import type { Messages } from '../en.ts';
import { owner } from './problems.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function duration(seconds: number): string {
  if (seconds >= 2 * DAY) return `${Math.floor(seconds / DAY)} 天`;
  if (seconds >= 2 * HOUR) return `${Math.floor(seconds / HOUR)} 小时`;
  return `${Math.floor(seconds / MINUTE)} 分钟`;
}

export const wizard: Messages['wizard'] = {
  otherLanguage: 'English: --lang en',
  intro: '按回车采用默认值，按 Esc 返回上一个问题。您同意计划之前，不会做任何更改。',
  givenBy: (place) => `（${place}）`,
  notYet: '（此版本尚不支持）',
  keep: '不变',
  change: '修改',
  quoted: (text) => `“${text}”`,
  broken: (text, rule, remedy) =>
    `${text === undefined ? '' : `${text} `}${rule}${remedy === undefined ? '' : `；${remedy}`}`,
  stopped: '没有做任何更改。',

  keys: {
    select: '↑↓ 选择 · 回车 确定 · Esc 返回',
    disabled: '这一项在这里不能选择。',
    letter: (key, name, isDefault) => `${isDefault ? '回车' : key} = ${name}`,
    unknown: (text) => `没有 ${text} 这个选项`,
    yes: '是',
    no: '否',
  },

  labels: {
    derper: 'derper',
    host: '地址',
    certificate: '证书',
    target: '运行方式',
    ports: '端口',
    verification: '使用者',
    region: '区域',
    firewall: '防火墙',
  },

  table: {
    looking: '正在查看本机',
    machine: '本机',
    addresses: '地址',
    noAddress: '只有回环地址',
    more: (count) => `另有 ${count} 个`,
    noSystemd: '没有 systemd',
    node: (version, reachable) => (reachable ? `Node ${version}` : `Node ${version}（自带）`),
    container: (kind) => `在 ${kind} 容器中`,
    notRoot: '不是 root',
    port: (port, protocol) => `端口 ${port}${protocol === 'udp' ? '/udp' : ''}`,
    free: '空闲',
    taken: (who) => owner(who),
    notRunning: '没有运行',
    notInstalled: '没有安装',
    silent: '没有响应',
    states: {
      running: (who) => (who === undefined ? '已登录' : `已登录为 ${who}`),
      'needs-login': () => '未登录',
      stopped: () => '已停止',
    },
    usable: '正在运行',
    denied: '当前用户无权使用',
    notAnswering: '引擎没有运行',
    firewall: '防火墙',
    active: (tool) => `${tool} 已启用`,
    none: '没有',
    onlyRootSees: '只有 root 可以查看',
    found: (name) => `本机已安装 ${name}`,
  },

  host: {
    ask: '客户端用什么地址连接这台中继？（域名或 IP）',
    looking: (host) => `正在查询 ${host}`,
    unresolved: (host) => `${host} 目前无法解析。仍然使用它吗？`,
    unresolvedInfo: 'DNS 生效之前，客户端找不到这台中继。',
    elsewhere: (host, addresses, isAddress) =>
      isAddress
        ? `${host} 不是本机的地址。仍然使用它吗？`
        : `${host} 解析为 ${addresses.join('、')}，不是本机。仍然使用它吗？`,
    elsewhereInfo: '如果云服务商的 NAT 或端口转发会把连接送到本机，则没有问题；否则有误。',
    another: '否，换一个',
    useIt: '是',
    useUnresolved: '稍后会添加 DNS 记录',
    useElsewhere: '发往它的数据包会到达本机',
    tellUnresolved: '目前无法解析',
    tellElsewhere: (isAddress) => (isAddress ? '不是本机的地址' : '解析到另一台机器'),
    tellNat: '本机在云服务商的 NAT 之后',
    tellScope: {
      unspecified: '不是地址',
      loopback: '只能从本机访问',
      'link-local': '只能从同一链路访问',
      private: '只能从内网访问',
      shared: '只能从运营商内网或 tailnet 访问',
    },
    tellAddress: '本机的地址',
    tellName: '解析到本机',
  },

  certificate: {
    ask: '证书',
    modes: {
      letsencrypt: "Let's Encrypt",
      'self-signed': '自签名，指纹写入 derpMap',
      manual: '使用已有的证书文件',
    },
    notes: {
      letsencrypt: '处处受信任，自动续期',
      'self-signed': '离线或受限网络中也能用；客户端需 1.84 或更高版本',
      manual: '证书链和私钥，PEM 格式',
    },
    askChain: '证书链（PEM 文件）',
    askKey: '对应的私钥（PEM 文件）',
    tellNotes: { letsencrypt: '', 'self-signed': '客户端需 1.84 或更高版本' },
    derper: 'derper 原来的证书',
    derperNote: '继续使用',
    tellFiles: (certFile, keyFile) => `${certFile}、${keyFile}`,
  },

  target: {
    ask: '用什么方式运行？',
    names: {
      systemd: 'systemd',
      'nginx-bypass': 'systemd，与 nginx 共用端口',
      compose: 'Docker Compose',
      foreground: '就在此终端',
    },
    notes: {
      systemd: '开机自启，使用专用用户，沙箱隔离',
      'nginx-bypass': '与本机 nginx 的网站共用 443 端口',
      compose: '在容器中运行，使用主机网络',
      foreground: '用于试用，按 Ctrl-C 结束',
    },
    unsuitable: {
      'no-root': '（需要 root：请用 sudo 运行）',
      'no-systemd': '（本机没有运行 systemd）',
      'no-docker': '（没有安装 Docker）',
      'docker-denied': '（当前用户无权使用 Docker）',
      'docker-stopped': '（Docker 引擎没有运行）',
    },
  },

  ports: {
    ask: '端口',
    labels: { derpPort: 'DERP', stunPort: 'STUN', httpPort: 'HTTP' },
    off: '关闭',
    askOne: {
      derpPort: 'DERP（HTTPS）的 TCP 端口',
      stunPort: 'STUN 的 UDP 端口（-1 表示关闭）',
      httpPort: '明文 HTTP 的 TCP 端口，用于检测强制门户（-1 表示关闭）',
    },
  },

  verification: {
    ask: '谁可以使用这台中继？',
    kinds: {
      tailscaled: '本机所在 tailnet 的成员',
      url: '由准入地址决定',
      keys: '密钥列表中的节点',
      none: '任何人',
    },
    notes: {
      tailscaled: '每个客户端都向 tailscaled 核实',
      url: '例如 Headscale 的 /verify',
      keys: '一个文件，每行一个 nodekey:…',
      none: '陌生人会找到开放的中继并使用它',
    },
    tailscaled: {
      absent: '（本机没有运行 tailscaled）',
      silent: '（tailscaled 没有响应）',
      'needs-login': '（未登录：请运行 tailscale up）',
      stopped: '（已停止：请运行 tailscale up）',
    },
    askUrl: '准入地址（https://…）',
    askKeys: '密钥列表文件',
    sure: '确定要对任何人开放吗？',
    sureInfo: '陌生人会寻找开放的中继，并用找到的中继转发流量：占用您的带宽，产生费用，投诉也会算到您的地址上。',
    notSure: '否，换一种方式',
    isSure: '是，对任何人开放',
    open: '陌生人也可以使用',
  },

  region: {
    ask: 'derpMap 中的区域',
    askOne: {
      regionId: '区域编号（自建区域用 900 到 999）',
      regionCode: '区域代码（简短，例如 myderp）',
      regionName: '区域名称（显示给人看）',
    },
    remarks: {
      'tailscale-region': 'Tailscale 自己的区域，会被取代',
      'outside-custom-range': '不在 900 到 999 之内',
    },
  },

  firewall: {
    ask: (tool, ports) => `${tool} 挡住了客户端。要放行 ${ports} 吗？`,
    notLasting: '本机没有保存这些规则的机制：下次开机后规则会消失。',
    open: '是',
    leave: '否',
    leaveNote: '您自己放行之前，客户端无法连接',
    refused: (ports) => `（您自己的规则关闭了 ${ports}：请先删除该规则）`,
    tellOpen: (tool, ports) => `在 ${tool} 中放行 ${ports}`,
    tellClosed: (tool) => `不改动 ${tool}`,
  },

  derper: {
    looking: '正在查看 derper',
    ask: (name) => `本机已安装 derper（${name}）。要取代它吗？`,
    takes: (what) => (what.length === 0 ? '没有可以沿用的内容。' : `沿用：${what.join('、')}。`),
    takesHost: (host) => `主机 ${host}`,
    takesPorts: (ports) => `端口 ${ports}`,
    takesKey: '密钥',
    takesCertificate: (until) => `证书（有效期至 ${until}）`,
    lacks: (parts) => `无法取得：${parts.join('、')}。`,
    gaps: {
      host: '主机名',
      'relay-key': '密钥',
      certificate: '证书',
      port: '端口',
      'mesh-key': 'mesh 密钥',
      verify: '准入地址没有响应时仍放行客户端',
    },
    drops: (flags) => `没有沿用：${flags.join('、')}。`,
    scheduled: (file, line) => `cron 会重新启动它：请删除 ${file} 的第 ${line} 行。`,
    take: '是',
    takeNote: '会停止它，一旦失败会重新启动它',
    leave: '否',
    leaveNote: '不改动它，但中继要用其他端口',
    refusals: {
      unmanaged: '（没有程序管理它：请先自行停止）',
      'transient-unit': '（停止后单元会丢失：请先自行停止）',
      'unknown-unit': '（systemd 不认识它的单元：请先自行停止）',
      'unknown-engine': '（未知的容器引擎：请先在那里停止）',
      'engine-silent': '（容器引擎没有响应）',
      swarm: '（由 Docker Swarm 运行：请先在那里删除服务）',
      'auto-removed': '（停止后容器会被删除：请先自行停止）',
    },
    tellTaken: (name) => `取代 ${name}`,
    tellLeft: (name) => `不改动 ${name}`,
  },

  menu: {
    ask: '接下来做什么？',
    up: (seconds) => `已运行 ${duration(seconds)}`,
    notWell: '没有正常服务',
    clients: (count) => `${count} 个客户端`,
    relayed: (bytes) => `已转发 ${bytes}`,
    certificate: (until) => `证书有效期至 ${until}`,
    upgrade: (version) => `升级到 ${version}`,
    names: {
      status: '查看状态',
      change: '修改设置',
      renew: '立即更新证书',
      paste: '查看要粘贴的内容',
      upgrade: '升级',
      check: '排查问题',
      remove: '卸载',
      quit: '退出',
    },
    notes: {
      status: '持续刷新，按 Ctrl-C 结束',
      change: '重新回答问题，默认沿用原来的设置',
      renew: '不会断开客户端',
      paste: '用于策略文件和 Headscale',
      upgrade: '如果新版本不能正常工作，会自动退回',
      check: '哪里有问题、原因，以及如何修复',
      remove: '先列出删除什么、保留什么',
      quit: '中继继续运行',
    },
  },
};
