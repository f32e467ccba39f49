import type { Messages } from '../en.ts';
import type { CheckTitles, NoteMessages } from '../wording.ts';
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
  'port-moved': ({ flag, protocol, from, to, owner: who }) =>
    `端口 ${from}/${protocol} 已被${owner(who)}占用，改用 ${to}（可用 ${flag} 指定）`,
  'open-relay': () => '这是开放的中继（--verify none）：只要它在运行，陌生人找到它就能使用。',
  'answers-kept': ({ path, flags }) => `沿用上次的设置：${flags.join('、')}（${path}）`,
  'local-host': ({ host, scope }) => `${host} ${scopes[scope]}访问；可用 --host 指定其他地址`,
  'tailscale-region': ({ regionId }) =>
    `区域 ${regionId} 是（或将来可能是）Tailscale 自己的区域，会被您的区域取代；请使用 900 到 999`,
  'outside-custom-range': ({ regionId }) => `区域 ${regionId} 不在为自建区域保留的 900 到 999 之内`,
  'certificate-ends-soon': ({ file, at, daysLeft }) =>
    `证书将于 ${at} 过期，还剩 ${daysLeft} 天；新证书的指纹不同，届时所有 derpMap 都要更新。` +
    `如要自选时间更换，请删除 ${file} 及同名的 .key 文件`,
  'pin-changed': ({ file, at }) => `证书已于 ${at} 过期，已生成新证书，指纹随之改变：请粘贴新的 derpMap（${file}）`,
  'private-authority': ({ file }) => `${file} 不是由公共证书机构签发的：客户端必须事先信任其签发者`,
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
  proving: (host) => `正在像客户端一样检查 ${host}：`,
  works: '中继工作正常。',
  worksWith: (arrived, sent, median) => `中继工作正常：${sent} 个数据包到达 ${arrived} 个，延迟 ${median}。`,
  doubtful: (failed) => `中继正在运行，但有 ${failed} 项检查未通过，客户端可能无法连接。处理办法见上。`,
  paste: '请粘贴到 tailnet 的策略文件（Access controls）的最外层：',
  pinVersion: '证书指纹（CertName）要求客户端为 Tailscale 1.84 或更高版本。',
  headscale: (file) => `Headscale：请将 ${file} 写入 derp.paths`,
  firewall: (ports) => `请在防火墙和云服务商的安全组中放行 ${ports}。`,
  tryIt: (command) => `然后在另一台机器上检查：  ${command}`,
  certificateUntil: (at, file) => `证书有效期至 ${at}：${file}`,
  serving: '正在运行，按 Ctrl-C 结束。',
  stopping: '正在停止：已通知客户端稍后重连。',
  interrupted: '已中断。',
  undone: '所有更改都已撤销。',
  left: (paths) => `未能撤销：${paths.join('、')}`,
  failedToStart: (reason) => `中继无法启动：${reason}`,
  probePassed: '全部正常。',
  probeFailed: (failed) => `有 ${failed} 项检查未通过。`,
  unexpected: (detail) => `意外错误：${detail}`,
};
