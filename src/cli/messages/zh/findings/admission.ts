/** What the doctor says of who may use the relay. */
import { SETUP_AGAIN } from '../../finding-commands.ts';
import type { FindingMessages } from '../../finding-wording.ts';

/** The first few of a list that may be long. */
const MOST = 5;
const listed = (items: readonly string[]) =>
  items.length > MOST ? `${items.slice(0, MOST).join('、')} 等` : items.join('、');
/** What the relay's log gives as a reason. */
const REASONS: Record<string, string> = {
  'not in this tailnet': '不在本 tailnet 中',
  'not in the key file': '不在密钥列表中',
  'the admission URL says no': '准入地址不允许',
};

export const admission = {
  'open-relay': () => ({
    text: '任何人都可以使用这台中继：开放的中继迟早会被陌生人发现并占用流量',
    remedy: '只允许本机所在 tailnet 的成员：sudo derp-setup --verify tailscaled',
  }),
  'open-to-addresses': () => ({
    text: '来自允许地址的任何人都可以使用这台中继，不检查密钥',
    remedy: '只允许本机所在 tailnet 的成员：sudo derp-setup --verify tailscaled',
  }),
  'address-lists-fine': ({ allow, deny }) => {
    const parts = [
      ...(allow === undefined ? [] : [`只允许 ${allow} 个网段连接`]),
      ...(deny === undefined ? [] : [`禁止 ${deny} 个网段连接`]),
    ];
    return { text: parts.join('；') };
  },
  'address-list-unreachable': ({ path }) => ({
    text: `中继的运行用户（derp-relay）无权读取 ${path}：目前仍用之前的列表，但下次启动会失败`,
    remedy: `sudo chmod o+r ${path}，并为上级目录加上 o+x；不要放在 /home、/root 或 /tmp 下`,
  }),
  'address-list-bad': ({ problem }, { text, remedy }) => ({
    text: `地址列表 ${problem.subject} ${text}：中继目前仍用之前的列表，但下次启动会失败`,
    remedy: `${remedy === undefined ? '请修正' : remedy}；然后：sudo systemctl reload derp-relay`,
  }),
  'nft-rules-stale': ({ isListed }) => ({
    text: isListed
      ? '内核规则所依据的列表或端口与中继现在的不同，可能会丢弃中继本应允许的客户端'
      : '内核规则仍在按地址拒绝客户端，而中继已没有任何地址列表',
    remedy: isListed
      ? 'sudo derp-setup nftables | sudo nft -f -（如已设为开机加载，也请一并更新）'
      : 'sudo nft delete table inet derp_setup（如已设为开机加载，也请一并删除）',
  }),
  'tailscaled-answers': ({ version }) => ({
    text: `tailscaled${version === undefined ? '' : ` ${version}`} 能够判断谁是 tailnet 成员`,
  }),
  'tailscaled-absent': () => ({
    text: '负责准入的 tailscaled 没有运行，新的客户端都会被拒绝',
    remedy: 'sudo systemctl enable --now tailscaled；安装方法：https://tailscale.com/download/linux',
  }),
  'tailscaled-silent': ({ detail }) => ({
    text: `tailscaled 无法判断谁可以使用中继${detail ? `：${detail}` : ''}`,
    remedy: 'sudo systemctl restart tailscaled；然后查看：tailscale status',
  }),
  'tailscaled-logged-out': () => ({
    text: 'tailscaled 没有登录，不认识任何节点，新的客户端都会被拒绝',
    remedy: 'sudo tailscale up',
  }),
  'tailscaled-stopped': () => ({
    text: 'tailscaled 已断开，不认识任何节点，新的客户端都会被拒绝',
    remedy: 'sudo tailscale up',
  }),
  'tailscaled-old': ({ version, first }) => ({
    text: `tailscaled ${version} 不支持按密钥查询，需要 ${first} 或更高版本`,
    remedy: 'sudo tailscale update，或用软件包管理器更新',
  }),
  'admission-url-answers': ({ url }) => ({ text: `准入地址响应正常，并拒绝了陌生人（${url}）` }),
  'admission-url-fails': ({ url, detail }) => ({
    text: `准入地址没有给出答复：${detail}（${url}）`,
    remedy: `请在本机测试：curl -i ${url}；换用其他地址：sudo derp-setup --verify url:https://…`,
  }),
  'admission-url-admits-all': ({ url }) => ({
    text: `准入地址放行了一个随机生成的密钥，等于任何人都能使用（${url}）`,
    remedy: '请确认该地址上运行的是什么；Headscale 等的准入路径是 /verify',
  }),
  'key-list-fine': ({ path, keys }) => ({ text: `${path} 允许 ${keys} 个密钥` }),
  'key-list-empty': ({ path }) => ({
    text: `${path} 中没有密钥，所有客户端都会被拒绝`,
    remedy: '请每行写一个 nodekey:…（可从 tailscale status --json 中查到），然后：sudo systemctl reload derp-relay',
  }),
  'key-list-unreachable': ({ path }) => ({
    text: `中继的运行用户（derp-relay）无权读取 ${path}，下次启动会失败`,
    remedy: `sudo chmod o+r ${path}，并为上级目录加上 o+x；不要放在 /home、/root 或 /tmp 下`,
  }),
  'key-list-bad': ({ detail }) => ({
    text: `密钥列表无法使用：${detail}`,
    remedy: '请修正，然后运行：sudo systemctl reload derp-relay',
  }),
  'admission-unanswered': ({ failures }) => ({
    text: `中继启动以来，有 ${failures} 次准入查询没有得到答复`,
    remedy: '目前已恢复正常；查看发生的时间：sudo journalctl -u derp-relay | grep admission_unanswered',
  }),
  'refused-lately': ({ refused }) => ({
    text: `最近一小时拒绝了 ${refused.length} 个密钥：${listed(refused.map(({ key, name, reason, times }) => `${name ? `${name} ` : ''}${key} ${times} 次（${REASONS[reason] ?? reason}）`))}`,
    remedy: '如果其中有您的节点，请确认它在 tailnet 或密钥列表中',
  }),
  'admission-url-open': ({ url }) => ({
    text: `准入地址没有答复时，任何人都会被放行（${url}）`,
    remedy: `改为此时一律拒绝：${SETUP_AGAIN} --overwrite`,
  }),
  'admission-url-plain': ({ url }) => ({
    text: `查询准入地址时没有使用 TLS（${url}），中间人可以放行陌生人`,
    remedy: 'sudo derp-setup --verify url:https://…',
  }),
  'members-not-listed': ({ path, nodes }) => ({
    text: `本机所在的 tailnet 中有 ${nodes.length} 个节点不在 ${path} 中，会被拒绝：${listed(nodes.map(({ name, key }) => `${name} ${key}`))}`,
    remedy:
      '请把它们的公钥加入列表（可从 tailscale status --json 中查到；重新登录的节点会换新密钥），然后：sudo systemctl reload derp-relay',
  }),
} satisfies Partial<FindingMessages>;
