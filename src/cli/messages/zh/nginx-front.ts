import type { EndTlsObstacle } from '../../../deploy/nginx/https-port.ts';
import type { FrontObstacle } from '../../../setup/nginx/http-front.ts';

/** Why nginx cannot hand a port on, as what follows "nginx…". */
export function nginxCannot(obstacle: FrontObstacle | EndTlsObstacle): { why: string; remedy?: string } {
  switch (obstacle.reason) {
    case 'no-include':
      return {
        why: '的 http 块没有引入任何目录下的文件，无法在现有配置之外添加内容',
        remedy: '请在 nginx.conf 的 http 块中加入 include /etc/nginx/conf.d/*.conf;',
      };
    case 'no-default':
      return {
        why: '在该端口上没有指定默认站点，会把我们的站点当作默认站点',
        remedy: '请在未指明域名的访客应看到的站点的 listen 中加上 default_server',
      };
    case 'same-name':
      return { why: `已有同名站点（${obstacle.file}）`, remedy: '请给中继单独使用一个域名' };
    case 'not-public':
      return { why: '在该端口上只监听本机地址' };
    case 'proxy-protocol':
      return { why: '前面还有另一层代理（其 listen 带有 proxy_protocol）' };
    case 'no-name':
      return {
        why: '在该端口上还有其他站点，而以地址连接的客户端不会给出域名，会被当作访问其他站点',
        remedy: '请使用 --front stream，或改用域名',
      };
    case 'no-tls':
      return { why: '在该端口上有不使用 TLS 的站点', remedy: '请换一个 --derp-port' };
    case 'own-stream':
      return { why: '在该端口上已有您自己的 stream 服务', remedy: '请使用 --front stream' };
    case 'not-ours-to-ask':
      return { why: '不属于本系统，例如运行在容器中' };
    case 'unreadable':
      return { why: '的配置无法被 derp-setup 理解' };
    case 'broken':
      return { why: `的现有配置本身就有错误：${obstacle.said}`, remedy: '请先修复，可用 nginx -t 检查' };
  }
}
