import type { derperStays as english } from '../en/derper.ts';

export const derperStays: typeof english = {
  unmanaged: '不知道它由什么管理；请自行结束它，然后重新运行',
  'transient-unit': '它的单元停止后就会消失；请自行停止它，然后重新运行',
  'unknown-unit': 'systemd 已找不到它的单元；请自行停止它，然后重新运行',
  'unknown-engine': '管理其容器的程序会再次启动它；请先在那里删除',
  'engine-silent': '它的容器引擎没有响应；请自行停止它，然后重新运行',
  swarm: 'Docker Swarm 会再次启动它，请先删除该服务',
  'auto-removed': '它的容器停止后会被删除（--rm）；请自行停止它，然后重新运行',
};
