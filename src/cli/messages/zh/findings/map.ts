/** What the doctor says of what clients are told of the relay. */
import { formatDay } from '../../../lines/figures.ts';
import { SETUP_AGAIN } from '../../finding-commands.ts';
import type { FindingMessages } from '../../finding-wording.ts';

/** A value of the map that may be missing. */
const shown = (value: string) => value || '（无）';

export const map = {
  'map-fine': ({ regionId }) => ({ text: `derpMap 与中继一致：区域 ${regionId}` }),
  'map-differs': ({ path }) => ({
    text: `${path} 中的主机或端口与中继不一致`,
    remedy: `${SETUP_AGAIN}，然后粘贴 derp-setup derp-map 输出的内容`,
  }),
  'pin-differs': ({ path, mapPin, certificatePin }) => ({
    text: `${path} 中的指纹（${mapPin.slice(0, 19)}…）与证书（${certificatePin.slice(0, 19)}…）不一致，客户端会拒绝连接`,
    remedy: `${SETUP_AGAIN}，然后粘贴 derp-setup derp-map 输出的内容`,
  }),
  'region-of-tailscale': ({ regionId }) => ({
    text: `区域 ${regionId} 是（或将来可能是）Tailscale 自己的区域，会被您的区域取代`,
    remedy: 'sudo derp-setup --region-id 900（到 999），然后重新粘贴 derpMap',
  }),
  'region-out-of-range': ({ regionId }) => ({
    text: `区域 ${regionId} 不在为自建区域保留的 900 到 999 之内`,
    remedy: 'sudo derp-setup --region-id 900（到 999），然后重新粘贴 derpMap',
  }),
  'tailnet-map-fine': ({ regionId }) => ({ text: `tailnet 的 derpMap 正确指向这台中继：区域 ${regionId}` }),
  'tailnet-map-lacks': ({ headscale }) => ({
    text: '本机所在的 tailnet 的 derpMap 中没有这台中继，客户端不会连接过来',
    remedy: `请把 derp-setup derp-map 输出的内容粘贴到策略文件（Access controls）；使用 Headscale 时在 derp.paths 中加入 ${headscale}，然后：sudo systemctl restart headscale`,
  }),
  'tailnet-map-differs': ({ regionId, fields }) => ({
    text: `tailnet 的 derpMap 与这台中继不一致（区域 ${regionId}）：${fields.map(({ name, there, here }) => `${name} 是 ${shown(there)}，应为 ${shown(here)}`).join('；')}`,
    remedy: '请重新粘贴 derpMap：derp-setup derp-map',
  }),
  'tailnet-map-insecure': ({ regionId }) => ({
    text: `tailnet 的 derpMap 在区域 ${regionId} 中设置了 InsecureForTests，客户端不验证证书，可能被中间人冒充`,
    remedy: '请改用不需要该选项的 derpMap：derp-setup derp-map',
  }),
  'tailnet-region-shared': ({ regionId, others }) => ({
    text: `tailnet 的区域 ${regionId} 中还有其他中继（${others.join('、')}），连接到不同中继的客户端之间无法互通`,
    remedy: '请为这台中继使用单独的区域：sudo derp-setup --region-id 901，然后重新粘贴 derpMap',
  }),
  'tailscaled-key-ends': ({ at, daysLeft }) => ({
    text: `本机在 tailnet 中的节点密钥将于 ${formatDay(at)} 过期（剩余 ${daysLeft} 天），此后新的客户端都会被拒绝`,
    remedy: '请在管理后台为本机关闭密钥过期（Disable key expiry）；或重新登录：sudo tailscale up --force-reauth',
  }),
  'clients-connected': ({ clients }) => ({ text: `当前有 ${clients} 个客户端在线` }),
  'nobody-came': ({ host, ports }) => ({
    text: '最近没有来自外部的客户端；如果被云服务商拦截，流量到不了本机，这里也看不到',
    remedy: `请在云服务商的安全组中放行 ${ports.join(' 和 ')}；确认客户端已拿到 derpMap：derp-setup derp-map；在另一台电脑上检查：npx derp-setup probe ${host}`,
  }),
} satisfies Partial<FindingMessages>;
