import type { Messages } from '../en.ts';
import type { CheckTitles, NoteMessages } from '../wording.ts';
import { derperStays } from './derper.ts';
import { nginxNotes } from './nginx.ts';
import { nginxCannot } from './nginx-front.ts';
import { owner } from './problems.ts';

const scopes = {
  unspecified: '无法从任何地方',
  loopback: '只能从本机',
  'link-local': '只能从同一链路',
  private: '只能从内网',
  shared: '只能从运营商内网或 tailnet',
  global: '可以从任何地方',
};

export const notes: NoteMessages = {
  ...nginxNotes,
  'port-moved': ({ flag, protocol, from, to, owner: who }) =>
    `端口 ${from}/${protocol} 已被${owner(who)}占用，改用 ${to}（可用 ${flag} 指定）`,
  'open-relay': () => '这是开放的中继（--verify none）：只要它在运行，陌生人找到它就能使用。',
  'open-to-addresses': () => '来自允许地址的任何人都能使用中继（--verify none），请只列入您熟悉的地址',
  'answers-kept': ({ path, flags }) => `沿用上次的设置：${flags.join('、')}（${path}）`,
  'local-host': ({ host, scope }) => `${host} ${scopes[scope]}访问；可用 --host 指定其他地址`,
  'tailscale-region': ({ regionId }) =>
    `区域 ${regionId} 是（或将来可能是）Tailscale 自己的区域，会被您的区域取代；请使用 900 到 999`,
  'outside-custom-range': ({ regionId }) => `区域 ${regionId} 不在为自建区域保留的 900 到 999 之内`,
  'certificate-ends-soon': ({ file, at, daysLeft }) =>
    `证书将于 ${at} 过期，还剩 ${daysLeft} 天；新证书的指纹不同，届时所有 derpMap 都要更新：` +
    `sudo derp-setup renew 会备好新证书并给出新旧两个条目（${file}）`,
  'pin-changed': ({ file, at }) => `证书已于 ${at} 过期，已生成新证书，指纹随之改变：请粘贴新的 derpMap（${file}）`,
  'successor-taken': ({ file, at }) =>
    `证书于 ${at} 过期，改用已备好的新证书，其指纹 renew 已经给出；如果还没有粘贴新的 derpMap，请立即粘贴（${file}）`,
  'private-authority': ({ file }) => `${file} 不是由公共证书机构签发的：客户端必须事先信任其签发者`,
  'chain-incomplete': ({ file, issuer }) =>
    `${file} 中只有证书本身：客户端还需要其签发者（${issuer}）的证书；请指定完整的证书链`,
  'order-later': ({ host }) => `这里不申请证书；请在目标机器上运行 sudo derp-setup renew 为 ${host} 申请`,
  'renew-by-cron': ({ line }) =>
    `没有 systemd，证书不会自动续期；请在 root 的 crontab 中加上（sudo crontab -e）：${line}`,
  'order-for-private': ({ host, authority }) => `${host} 不是互联网地址；${authority} 仍有可能为它签发证书`,
  'port-left-out': ({ protocol, port, owner: who, flag }) =>
    `端口 ${port}/${protocol} 已被${owner(who)}占用，本次不使用（可用 ${flag} 指定其他端口）`,
  'nginx-hands-on': ({ file, host }) =>
    `端口 80 由 nginx 使用；将添加一个单独的文件（${file}），让 nginx 把中继所需的 ${host} 请求转发过来`,
  'nginx-in-the-way': ({ port, obstacle }) =>
    `端口 ${port} 由 nginx 使用，本可由它转发，但 nginx ${nginxCannot(obstacle).why}`,
  'tls-ends-in-nginx': ({ file }) =>
    `由 nginx 终结 TLS，再以明文 HTTP 访问中继（${file}）：每次登录多一次往返，私钥由 nginx 使用；--front stream 则原样转发 TLS`,
  'host-elsewhere': ({ host, addresses }) =>
    `${host} 指向 ${addresses.join('、')}，不是本机的地址：如果本机在云服务商的 NAT 之后则正常，否则有误`,
  'host-unresolved': ({ host }) => `${host} 目前无法解析：DNS 生效之前，客户端找不到这台中继`,
  'firewall-closed': ({ tool, commands }) =>
    `${tool} 挡住了客户端；加上 --open-firewall 即可放行：${commands.join('；')}`,
  'firewall-refuses': ({ tool, ports }) =>
    `${tool} 中有一条您自己的规则拒绝了 ${ports.join('、')}；删除该规则后客户端才能连接`,
  'firewall-not-lasting': ({ tool }) =>
    `本机没有保存 ${tool} 规则的机制：重启后请再运行 derp-setup --open-firewall，或自行保存规则`,
  'derper-found': ({ name }) => `本机正在运行 derper（${name}）；--take-over 会接管它的密钥、证书和端口，并停止它`,
  'derper-scheduled': ({ file, line }) => `cron 会重新启动 derper：请删除 ${file} 的第 ${line} 行`,
  'derper-taken-over': ({ name, lost }) =>
    lost.length === 0
      ? `将停止 derper（${name}）并取代它；一旦失败会重新启动它`
      : `将停止 derper（${name}）并取代它；以下设置没有沿用：${lost.join('、')}`,
};

export const checks: CheckTitles = {
  resolve: '地址',
  tcp: 'TCP',
  tls: 'TLS',
  certificate: '证书',
  login: 'DERP 登录',
  relay: '收发数据',
  websocket: 'WebSocket',
  stun: 'STUN',
  'captive-portal': '明文 HTTP',
};

export const report: Messages['report'] = {
  problemsTitle: (count) => `发现 ${count} 个问题`,
  nothingChanged: '没有做任何更改。',
  wrote: (count, root) => `已在 ${root} 下写入 ${count} 个文件`,
  filesUnchanged: (root) => `${root} 下的文件无需更改`,
  started: (ports) => `中继正在监听 ${ports}`,
  proving: (host) => `正在以客户端的方式检查 ${host}：`,
  works: '中继工作正常。',
  worksWith: (arrived, sent, median) => `中继工作正常：${sent} 个数据包到达 ${arrived} 个，延迟 ${median}。`,
  doubtful: (failed) => `中继正在运行，但有 ${failed} 项检查未通过，客户端可能无法连接。处理办法见上。`,
  paste: '请粘贴到 tailnet 的策略文件（Access controls）的最外层：',
  pinVersion: '证书指纹（CertName）要求客户端为 Tailscale 1.84 或更高版本。',
  headscale: (file) => `Headscale：请将 ${file} 写入 derp.paths`,
  headscaleFile: (file) => `${file}（写入 Headscale 配置的 derp.paths）`,
  nftables: {
    loadIt: '加载（列表变化后需重新加载）：sudo derp-setup nftables | sudo nft -f -',
    shared: (port) => `不限制 ${port}/tcp：中继前面的程序在此端口上还有其他访客。`,
    authority: (port) =>
      `续期证书时，证书机构要连接 ${port}/tcp，会被这些规则拒绝：请改用 http-01（derp-setup --acme-challenge http-01）。`,
    removeIt: (table) => `移除：sudo nft delete table inet ${table}`,
  },
  tryIt: '放行端口后，在您自己的电脑上检查：',
  labels: { headscale: 'Headscale', certificate: '证书', written: '已写入', ports: '放行端口' },
  certificateUntil: (at, file) => `有效期至 ${at}，${file}`,
  renewal: (next, mode) => {
    const looked = `每天检查两次，下次 ${next}`;
    if (mode === 'self-signed') return `${looked}；到期前 30 天会备好新证书，届时请更新 derpMap 中的指纹`;
    return mode === 'manual' ? `${looked}；您更新证书文件后会自动采用` : `自动续期；${looked}`;
  },
  serving: '正在运行，按 Ctrl-C 结束。',
  stopping: '正在停止：已通知客户端稍后重连。',
  interrupted: '已中断。',
  undone: '所有更改都已撤销。',
  undoing: '正在恢复原状；再按一次 Ctrl-C 则不再恢复其余部分。',
  alreadyAsDescribed: '已经符合要求，无需更改。',
  dryRun: '这是试运行，没有做任何更改。',
  notStarted: '文件已写好，服务没有启动。',
  startIt: '请在目标机器上以 root 身份运行（创建用户、启动中继并验证）：',
  locked: (pid) => `另一个 derp-setup 正在运行（pid ${pid}），请等它结束`,
  serviceEnded: (unit, status) =>
    status === undefined ? `${unit} 启动后立即退出` : `${unit} 启动后立即退出，退出码 ${status}`,
  containerRefused: (name) => `Docker 没有启动容器 ${name}`,
  dockerSaid: 'Docker 的输出：',
  imageNotPulled: (image, said) => `本机没有镜像 ${image}，也拉取不到：${said}`,
  imageRemedies: (image) => [
    `无法访问 Docker Hub 时，请使用镜像站：--image mirror.example.com/library/${image}`,
    `或从其他机器导入：docker save ${image} | ssh root@本机 docker load`,
  ],
  serviceSilent: (unit) => `${unit} 已运行，但端口没有响应`,
  serviceStale: (unit) => `${unit} 已收到更换证书的通知，但仍在使用原来的证书`,
  journal: '最后的日志：',
  cannotWrite: (path, rule) => `${path} ${rule}`,
  writeRemedies: {
    missing: undefined,
    denied: '连 root 也无法写入此处：请检查 lsattr，以及 SELinux 或 AppArmor',
    'is-directory': '请移走该目录',
    'not-directory': '有文件占用了目录的位置，请移走它',
    'read-only': '请将该文件系统改为可写，或用 --root DIR 为其他机器生成文件',
    'no-space': '请在该文件系统上腾出空间（可用 df -h 查看）',
    other: undefined,
  },
  notProved: '未能证明中继工作正常，详见上面的检查结果',
  derperNotStopped: (code) => `没有停止 derper：${derperStays[code]}`,
  firewallFailed: {
    refused: (tool, ports) => ({
      reason: `${tool} 中有一条您自己的规则拒绝了 ${ports}，这样的规则不会被改动`,
      remedy: '请删除该规则，或换用其他端口；不加 --open-firewall 则由您自行管理防火墙',
    }),
    ineffective: (tool, ports) => ({
      reason: `已让 ${tool} 放行 ${ports}，但端口仍然不通：有其他规则先起作用`,
      remedy: '请用 nft list ruleset 或 iptables -S 找出该规则；不加 --open-firewall 则由您自行管理防火墙',
    }),
    unreadable: (tool) => ({
      reason: `刚才还能读取 ${tool} 的规则，现在读不到了`,
      remedy: `请确认 ${tool} 仍在运行，然后重试；不加 --open-firewall 则由您自行管理防火墙`,
    }),
  },
  nothingInstalled: '本机没有安装。',
  removed: '已卸载。',
  kept: (paths) => `以下文件予以保留，供下次使用（uninstall --purge 会一并删除）：${paths.join('、')}`,
  nftTableStays: (table) => `内核中仍有拒绝地址的规则：sudo nft delete table inet ${table}`,
  derperStaysStopped: (name) => `为中继让位而停止的 derper 仍处于停止状态：${name}`,
  derperBringBack: (command) => `如要让它重新提供服务：  ${command}`,
  sureToRemove: '确定要全部卸载吗？',
  notANewerVersion: (version) => `当前版本 ${version} 已经安装。`,
  newest: (command) => `安装最新版本：  ${command}`,
  certificateNotDue: (at) => `证书有效期至 ${at}，无需处理。`,
  onClient: '保存 derpMap 后，在客户端上检查：',
  onThisMachine: '在本机上：',
  here: {
    status: '查看状态，加 --watch 持续刷新',
    doctor: '排查问题，给出修复办法',
    uninstall: '卸载，会先列出要删除的内容',
  },
  netcheck: (code) => `应能看到 ${code} 及其延迟`,
  securityGroup: (ports) => `${ports}：云服务商的防火墙（安全组）也要放行`,
  left: (paths) => `未能撤销：${paths.join('、')}`,
  leftRemedy: '请重新运行以完成安装，或全部卸载：  derp-setup uninstall',
  failedToStart: (reason) => `中继无法启动：${reason}`,
  probePassed: '全部正常。',
  probeFailed: (failed) => `有 ${failed} 项检查未通过。`,
  unexpected: (detail) => `意外错误：${detail}`,
};
