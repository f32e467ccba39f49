import type { Messages } from '../en.ts';

/** A length of time in its largest whole unit. */
function duration(seconds: number): string {
  if (seconds < 120) return `${Math.floor(seconds)} 秒`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} 分钟`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} 小时`;
  return `${Math.floor(seconds / 86_400)} 天`;
}

export const status: Messages['status'] = {
  notInstalled: '本机没有安装中继',
  install: '安装：sudo npx derp-setup    不用 root 试用：npx derp-setup --deploy foreground',
  notInstalledBelow: (root) => `${root} 下没有安装中继`,
  noMap: (path) => `${path} 缺失或已损坏`,
  writeMap: '重新生成：derp-setup setup',
  title: {
    serving: '正常运行',
    serves: (seconds) => `已正常运行 ${duration(seconds)}`,
    failing: '运行不正常',
  },
  labels: {
    host: '地址',
    service: '服务',
    container: '容器',
    versions: '版本',
    certificate: '证书',
    renewal: '续期',
    clients: '客户端',
    traffic: '流量',
    dropped: '丢包',
    admission: '准入',
    limits: '限制',
    stun: 'STUN',
    memory: '内存',
    map: 'derpMap',
    unreadable: '无权读取',
  },
  duration,
  active: (active, subState) => {
    const names: Record<string, string> = {
      active: '运行中',
      inactive: '已停止',
      failed: '已失败',
      activating: '正在启动',
      deactivating: '正在停止',
    };
    const name = names[active] ?? active;
    return active === 'active' || subState === '' || subState === active ? name : `${name}（${subState}）`;
  },
  containerStates: {
    missing: '不存在',
    running: '运行中',
    exited: '已停止',
    created: '从未启动',
    restarting: '反复重启',
    paused: '已暂停',
    dead: '已失效',
  },
  containerHealth: (state, health) => {
    const names: Record<string, string> = { healthy: '健康', unhealthy: '不健康', starting: '尚未检查' };
    return `${state}（${names[health] ?? health}）`;
  },
  since: (time, seconds) => `自 ${time} 起（${duration(seconds)}）`,
  pid: (pid) => `pid ${pid}`,
  restarts: (number) => `自动重启 ${number} 次`,
  behind: (front) => `位于 ${front} 之后`,
  atBoot: (enabled) => (enabled ? '开机自动启动' : '开机不会自动启动'),
  foreground: '在前台运行',
  installedVersion: (version) => `已安装 ${version}`,
  runningVersion: (version) => `正在运行 ${version}`,
  ownVersion: (version) => `本程序 ${version}`,
  restartNeeded: '重启后才会运行已安装的版本：sudo systemctl restart derp-relay',
  recreateNeeded: '重启容器后才会运行已安装的版本：sudo docker restart derp-relay',
  upgradeable: '安装本程序的版本：sudo npx derp-setup upgrade',
  until: (day, days) => (days < 0 ? `已于 ${day} 过期` : `有效期至 ${day}（剩余 ${days} 天）`),
  fromFile: '据证书文件',
  renewalNext: (time) => `下次检查续期：${time}`,
  renewalOff: '续期定时器没有运行',
  renewalFailed: '上次续期失败',
  renewalFailure: (at, reason) => `${at === undefined ? '' : `${at} `}失败${reason === undefined ? '' : `：${reason}`}`,
  renewalAgain: (time) => `最早将于 ${time} 自动重试`,
  clientsNow: (number) => `当前 ${number} 个`,
  logins: (total) => `共登录 ${total} 次`,
  loginWays: (total, fast, upgrade, websocket) =>
    `共登录 ${total} 次（快速启动 ${fast}，HTTP 升级 ${upgrade}，WebSocket ${websocket}）`,
  inAndOut: (received, sent) => `接收 ${received}，发送 ${sent}`,
  sinceStart: (traffic) => `启动以来${traffic}`,
  modes: { letsencrypt: "Let's Encrypt", 'self-signed': '自签名', manual: '自备证书' },
  pin: (start) => `指纹 ${start}…`,
  reasons: {
    unknown_dest: '目标客户端不在线',
    unknown_dest_on_fwd: '来自其他中继，目标客户端不在线',
    gone_disconnected: '目标客户端已离开',
    queue_head: '队列已满，丢弃旧包',
    queue_tail: '队列已满，丢弃新包',
    write_error: '连接已断开',
    dup_client: '同一密钥重复登录',
  },
  droppedPackets: (reason, packets) => `${packets} 个（${reason}）`,
  overLimit: (number) => `超出连接限制 ${number} 个`,
  droppedRate: (packets) => `丢包 ${packets} 个`,
  everyone: '任何人都可以使用',
  everyoneAllowed: '凡能连接的人都可以使用',
  mayConnect: (ranges) => `只允许 ${ranges} 个网段连接`,
  mayNotConnect: (ranges) => `禁止 ${ranges} 个网段`,
  clientRate: (rate) => `每个客户端 ${rate}`,
  ways: { key_file: '密钥列表中的节点', tailscaled: 'tailnet 成员（由 tailscaled 判断）', url: '由准入地址判断' },
  refused: (number) => `拒绝 ${number} 次`,
  unanswered: (number) => `${number} 次查询没有得到答复`,
  removed: (number) => `事后断开 ${number} 个`,
  stunAnswered: (number) => `应答 ${number} 次`,
  region: (id, code) => `区域 ${id}（${code}）`,
  node: (name) => `节点 ${name}`,
  mayNotRead: '当前用户无权读取，用 sudo 可以看到',
  shortcomings: {
    'prepared-only': { text: '这些文件是为其他机器准备的，本机没有运行', remedy: '请复制到目标机器，在那里查看' },
    'foreground-ended': {
      text: '中继没有运行：它之前在前台运行，已经结束',
      remedy: '重新运行：derp-setup --deploy foreground；要长期运行，请以 root 身份安装',
    },
    'service-missing': { text: '已安装过，但找不到系统服务', remedy: '重新安装：sudo derp-setup setup --yes' },
    'service-stopped': {
      text: '服务没有运行',
      remedy: 'sudo systemctl start derp-relay；如果再次停止：sudo derp-setup doctor',
    },
    'service-restarting': {
      text: '服务反复启动又退出',
      remedy: '查看原因：sudo derp-setup doctor，或 journalctl -u derp-relay -n 20',
    },
    'container-missing': { text: '安装过容器，但它不存在', remedy: '重新创建：sudo derp-setup setup --yes' },
    'container-stopped': {
      text: '容器没有运行',
      remedy: 'sudo docker start derp-relay；如果再次停止：sudo derp-setup doctor',
    },
    'container-restarting': {
      text: '容器中的中继反复启动又退出',
      remedy: '查看原因：sudo derp-setup doctor，或 sudo docker logs --tail 20 derp-relay',
    },
    'relay-silent': { text: '服务已运行，但端口没有响应', remedy: '查看原因：sudo derp-setup doctor' },
    'certificate-ended': { text: '证书已过期，客户端会拒绝连接', remedy: 'sudo derp-setup renew' },
  },
  noRelay: '中继没有响应',
};
