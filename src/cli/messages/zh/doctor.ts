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
    case 'start-container':
      return `已启动容器 ${fix.name}`;
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
  toMend: (count, more) => `有 ${count} 个问题需要处理${more > 0 ? `，另有 ${more} 个警告` : ''}。`,
  canFix: (count) => `其中 ${count} 处可以直接修复：  sudo derp-setup doctor --fix`,
  canReport: '生成不含机密的报告文件：  sudo derp-setup doctor --report FILE',
  reported: (path) => `已写入 ${path}：密钥、地址和名称已去除，公开之前请再看一遍`,
  notReported: (path, reason) => `没有写入报告：${path} ${reason}`,
  reportTaken: (path) => `${path} 已存在，并且不是本程序生成的报告`,
  reportElsewhere: '请换一个文件名：derp-setup doctor --report FILE',
  findings,
};
