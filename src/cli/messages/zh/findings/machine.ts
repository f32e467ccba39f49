/** What the doctor says of the machine and the log. */
import { formatBytes } from '../../../figures.ts';
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
