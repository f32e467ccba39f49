/** What the doctor says of the machine and the log. */
import { formatBytes } from '../../../lines/figures.ts';
import type { FindingMessages } from '../../finding-wording.ts';

export const machine = {
  'clock-synchronized': () => ({ text: '时钟已通过网络校准' }),
  'clock-not-synchronized': () => ({
    text: '本机的时钟没有自动校准：时间不准时，证书会显得过期或尚未生效',
    remedy: 'sudo timedatectl set-ntp true（Debian 需要先：sudo apt install systemd-timesyncd）',
  }),
  'disk-room': ({ freeBytes }) => ({ text: `磁盘剩余 ${formatBytes(freeBytes)}` }),
  'disk-low': ({ path, freeBytes }) => ({
    text: `${path} 所在的磁盘只剩 ${formatBytes(freeBytes)}`,
    remedy: '查看占用：sudo du -xh / | sort -h | tail；清理旧日志：sudo journalctl --vacuum-size=100M',
  }),
  'disk-full': ({ path, freeBytes }) => ({
    text: `${path} 所在的磁盘已满（剩余 ${formatBytes(freeBytes)}），证书无法续期`,
    remedy: '请清理：sudo journalctl --vacuum-size=100M；查看占用：sudo du -xh / | sort -h | tail',
  }),
  'open-files-enough': ({ limit }) => ({ text: `中继最多可打开 ${limit} 个文件和连接` }),
  'open-files-few': ({ limit, clients }) => ({
    text: `中继最多只能打开 ${limit} 个文件和连接，目前有 ${clients} 个客户端`,
    remedy: '请调高：sudo systemctl edit derp-relay，写入 [Service] LimitNOFILE=1048576，然后重启服务',
  }),
  'relay-stalls': ({ stalls, stalledMs, minutes, longestMs, starved }) => ({
    text:
      `中继在最近 ${minutes} 分钟内停顿了 ${stalls} 次，共 ${(stalledMs / 1000).toFixed(1)} 秒（启动以来最长一次 ${longestMs} 毫秒），期间所有数据包都在等待：` +
      (starved ? '本机没有空闲的处理器可用' : '它的负载超过了一个处理器的能力'),
    remedy: starved
      ? '请用 top 查看本机还在运行什么，其中的 st 是宿主机上其他用户占用的部分；换用独享处理器的机器即可解决'
      : '请用 derp-setup status --watch 查看流量；限制每个客户端的速率：sudo derp-setup --client-rate 10M；或再部署一台中继',
  }),
  'log-fine': () => ({ text: '最近一小时的日志中没有错误' }),
  'log-errors': ({ events, last }) => ({
    text: `最近一小时的日志中有错误：${Object.entries(events)
      .map(([event, number]) => `${event} ${number} 次`)
      .join('、')}${last ? `；最后一次：${last}` : ''}`,
    remedy: `sudo journalctl -u derp-relay --since -1h | grep '"level":"error"'；报告问题：sudo derp-setup doctor --report FILE`,
  }),
  'needs-root': () => ({
    text: '没有 root 权限，无法查看密钥、防火墙规则和其他用户的进程',
    remedy: 'sudo derp-setup doctor',
  }),
} satisfies Partial<FindingMessages>;
