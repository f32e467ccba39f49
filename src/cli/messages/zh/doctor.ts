import type { Fix } from '../../../setup/doctor/findings.ts';
import type { Messages } from '../en.ts';
import { findings } from './findings.ts';

/** What a fix did, or would do. */
function fixed(fix: Fix): string {
  switch (fix.kind) {
    case 'daemon-reload':
      return 'systemd 已重新读取单元；要让改动生效：sudo systemctl restart derp-relay';
    case 'enable':
      return `${fix.unit} 已设为开机启动`;
    case 'start':
      return `${fix.unit} 已启动`;
    case 'reload':
      return `${fix.unit} 已重新读取证书`;
    case 'mode':
      return `${fix.path} 的权限已改为 0${fix.mode.toString(8)}`;
    case 'owner':
      return `${fix.path} 的所有者已改为 ${fix.owner}`;
    case 'open-firewall':
      return '防火墙已放行';
  }
}

export const doctor: Messages['doctor'] = {
  looking: '正在检查中继、本机和网络路径',
  fixing: '正在修复',
  fixed,
  notFixed: (fix, detail) => `未能修复（${fixed(fix)}）：${detail}`,
  allGood: '全部正常。',
  warnings: (count) => `有 ${count} 个警告，没有故障。`,
  toMend: (count) => `有 ${count} 个问题需要处理。`,
  canFix: (count) => `sudo derp-setup doctor --fix 可修复其中 ${count} 个。`,
  canReport: 'sudo derp-setup doctor --report FILE 会生成不含机密的文件，用于报告问题。',
  reported: (path) => `已写入 ${path}：密钥、地址和名称已去除，公开之前请再看一遍`,
  notReported: (path, reason) => `无法写入 ${path}：${reason}`,
  findings,
};
