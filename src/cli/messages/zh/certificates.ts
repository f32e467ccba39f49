import type { OrderObstacle } from '../../../cert/acme/obstacle.ts';
import type { BlockedWay } from '../../../cert/acme/way.ts';
import { formatTime } from '../../lines/figures.ts';
import type { Messages } from '../en.ts';
import type { Wording } from '../wording.ts';
import { owner } from './owner.ts';

type Obstacle<C extends OrderObstacle['code']> = Extract<OrderObstacle, { code: C }>;

const time = (at: string) => formatTime(new Date(at));
const list = (words: readonly string[]) => words.join('、');

function authority({ reason, detail, host, challenge, port, retryAt }: Obstacle<'authority'>): Wording {
  const letIn = `请在防火墙和服务商的安全组中放行 ${port ?? 80}/tcp`;
  switch (reason) {
    case 'unreachable':
      return { rule: `无法连接：${detail}`, remedy: '请检查本机网络；如需代理，请设置 HTTPS_PROXY' };
    case 'untrusted':
      return {
        rule: `出示的证书不受本机信任：${detail}`,
        remedy: '请检查本机时钟；如是自建证书机构，请让本机信任它的根证书（update-ca-certificates）',
      };
    case 'not-a-directory':
      return { rule: `不是 ACME 目录：${detail}`, remedy: '请对照证书机构的文档检查网址' };
    case 'server-error':
      return { rule: `自身出现故障：${detail}`, remedy: '请稍后重试，本机没有问题' };
    case 'rate-limited':
      return {
        rule: `暂时不再接受申请：${detail}`,
        remedy: `请先解决根本问题，${retryAt === undefined ? '至少一小时后' : `${time(retryAt)} 之后`}再试：每次失败都会被计数`,
      };
    case 'bad-nonce':
      return { rule: `多次拒绝请求序号：${detail}`, remedy: '请重试' };
    case 'too-slow':
      return { rule: `未能在 ${detail} 内完成`, remedy: '请稍后重试' };
    case 'account-unknown':
      return { rule: `已不认识这个账户：${detail}`, remedy: '请重试：会新开一个账户' };
    case 'account-refused':
      return { rule: `拒绝了这个账户：${detail}`, remedy: '请参照它给出的原因处理' };
    case 'external-account-required':
      return { rule: '只接受它已认识的账户', remedy: '请在那里取得密钥，用 --eab-kid 和 --eab-key-file 指定' };
    case 'external-account-refused':
      return {
        rule: `拒绝了外部账户：${detail}`,
        remedy: '请检查 --eab-kid 和 --eab-key-file；有些密钥只能使用一次',
      };
    case 'contact-refused':
      return { rule: `拒绝了邮箱地址：${detail}`, remedy: '请换一个 --email，或不填' };
    case 'terms-changed':
      return { rule: `更新了服务条款：${detail}`, remedy: '请到那里阅读并同意' };
    case 'identifier-refused':
      return {
        rule: `不为 ${host} 签发证书：${detail}`,
        remedy: '请换一个 --host 或 --acme-directory，或使用 --cert self-signed',
      };
    case 'profile-refused':
      return { rule: `不为 ${host} 签发这种证书：${detail}`, remedy: '请稍后重试' };
    case 'challenge-missing':
      return {
        rule: `只能用 ${detail} 验证 ${host}，不支持 ${challenge ?? '其他方式'}`,
        remedy: '请换一种 --acme-challenge，或不指定',
      };
    case 'dns':
      return {
        rule: `通过 DNS 找不到 ${host}：${detail}`,
        remedy: `请在 DNS 服务商处检查 ${host} 的 A 和 AAAA 记录；新记录需要一段时间才能处处生效`,
      };
    case 'caa':
      return { rule: `因 CAA 记录不能为 ${host} 签发：${detail}`, remedy: '请在 DNS 服务商处把它加入 CAA 记录' };
    case 'connection':
      return { rule: `连接不上 ${host}：${detail}`, remedy: letIn };
    case 'tls':
      return {
        rule: `无法与 ${host} 建立 TLS 连接：${detail}`,
        remedy: `请确认该地址的 ${port ?? 443} 端口与本机之间没有其他程序；${letIn}`,
      };
    case 'wrong-answer':
      return {
        rule: `在 ${host} 上没有得到我们的应答：${detail}`,
        remedy: `${letIn}；并确认没有别的服务器在那里应答，所有 A 和 AAAA 记录都指向本机`,
      };
    case 'already-replaced':
    case 'request-refused':
    case 'other':
      return { rule: `拒绝了申请：${detail}`, remedy: '请参照它给出的原因处理' };
  }
}

function address({ obstacle, port, challenge, host }: Obstacle<'address-obstacle'>): Wording {
  const record = obstacle.address.includes(':') ? 'AAAA' : 'A';
  const isName = obstacle.address !== host;
  if (obstacle.code === 'silent-here') {
    return {
      rule: `无法通过验证：本机（${obstacle.address}）的 ${port} 端口没有程序应答 ${challenge}`,
      remedy: '请检查中继是否在运行并占有该端口：derp-setup doctor',
    };
  }
  const mine = obstacle.own.length > 0 ? `，而本机是 ${list(obstacle.own)}` : '';
  const elsewhere = obstacle.code === 'answered-elsewhere' ? '那里应答的是另一台服务器' : '那里没有应答';
  const rule = isName ? `指向 ${obstacle.address}，${elsewhere}${mine}` : `不是本机：${elsewhere}${mine}`;
  if (!isName) return { rule, remedy: `请放行 ${port}/tcp，或改用本机的地址` };
  const change = obstacle.own[0] === undefined ? '删除' : `改为指向 ${obstacle.own[0]}，或删除`;
  return { rule, remedy: `请在 DNS 服务商处把 ${host} 的 ${record} 记录${change}：证书机构会逐一尝试每条记录` };
}

function blocked({ challenge, port, holder }: BlockedWay): string {
  const reason =
    holder.state === 'denied'
      ? '当前用户无权使用'
      : `已被${owner(holder.state === 'taken' ? holder.owner : undefined)}占用`;
  return `${challenge} 需要端口 ${port}，但该端口${reason}`;
}

export const obstacles: { [C in OrderObstacle['code']]: (rule: Obstacle<C>) => Wording } = {
  authority,
  'order-waits': ({ until, by, detail }) => ({
    rule:
      by === 'authority'
        ? `须等到 ${time(until)}：证书机构在此之前不接受申请（${detail}）`
        : `须等到 ${time(until)}：已多次失败（${detail}），而证书机构会统计失败次数`,
    remedy: '请先解决根本问题，或暂时使用 --cert self-signed',
  }),
  'clock-wrong': ({ aheadMinutes }) => ({
    rule: `的时间与本机不同：本机时钟${aheadMinutes > 0 ? '快' : '慢'}了 ${Math.abs(aheadMinutes)} 分钟`,
    remedy: '请校准时钟：timedatectl set-ntp true',
  }),
  'needs-external-account': () => ({
    rule: '只为它已认识的客户开账户',
    remedy: '请在那里取得密钥，用 --eab-kid 和 --eab-key-file 指定',
  }),
  'host-without-address': ({ failure }) =>
    failure === 'not-found'
      ? {
          rule: '在 DNS 中没有地址，证书机构无法访问',
          remedy: '请在 DNS 服务商处为它添加 A 记录（有 IPv6 时再加 AAAA 记录），等记录生效后再试',
        }
      : { rule: '无法解析：域名服务器没有应答', remedy: '请检查：resolvectl status' },
  'caa-forbids': ({ authority: name, obstacle }) => ({
    rule:
      obstacle.onlyByMethods === undefined
        ? `不能从 ${name} 获得证书：${obstacle.name} 的 CAA 记录${obstacle.allowed.length > 0 ? `只允许 ${list(obstacle.allowed)}` : '不允许任何机构'}`
        : `按 ${obstacle.name} 的 CAA 记录，${name} 只能用 ${list(obstacle.onlyByMethods)} 验证`,
    remedy: `请在 DNS 服务商处修改 ${obstacle.name} 的 CAA 记录，或用 --acme-directory 换一个证书机构`,
  }),
  'no-challenge-port': ({ blocked: ways }) => {
    const denied = ways.some(({ holder }) => holder.state === 'denied');
    const names = ways.flatMap(({ holder }) =>
      holder.state === 'taken' && holder.owner?.name !== undefined ? [holder.owner.name] : [],
    );
    return {
      rule: `无法通过验证：${ways.map(blocked).join('；')}`,
      remedy: denied
        ? '请以 root 身份运行，或使用 --cert self-signed'
        : `请停止${names[0] === undefined ? '该程序' : ` ${names[0]}`}，或使用 --cert self-signed`,
    };
  },
  'address-obstacle': address,
  'private-host': () => ({
    rule: '无法从互联网访问，公共证书机构不会为它签发证书',
    remedy: '请使用 --cert self-signed、公网 --host，或用 --acme-directory 指定自建的证书机构',
  }),
};

export const valueProblems = {
  'no-chain-in-directory': ({ tried }: { tried: readonly string[] }) => ({
    rule: '中没有常用名称的证书链文件',
    remedy: `请直接指定文件；已查找 ${list(tried.map((path) => path.slice(path.lastIndexOf('/') + 1)))}`,
  }),
  'not-an-email': () => ({ rule: '不是邮箱地址', remedy: '例如 admin@example.com，也可以不填' }),
  'not-a-directory-url': () => ({
    rule: '不是 ACME 目录的网址',
    remedy: '应为证书机构给出的 https://… 网址；不填则使用 Let’s Encrypt',
  }),
  'not-a-key-id': () => ({ rule: '不是密钥标识', remedy: '请照证书机构给出的原样填写' }),
  'not-served': ({ detail }: { detail: string }) => ({
    rule: `已取得新证书，但中继没有在端口 ${detail.replace(/^port /, '')} 上使用它；已恢复原来的证书`,
    remedy: '请查看原因：sudo journalctl -u derp-relay -n 50',
  }),
  'not-a-mac-key': () => ({
    rule: '中没有外部账户的密钥',
    remedy: '文件中应为证书机构给出的那一行 HMAC 密钥（base64url）',
  }),
};

export const certificates: Messages['certificates'] = {
  order: (host) => `为 ${host} 申请证书`,
  orderDetail: (authorityHost, profile, challenge) =>
    list([
      authorityHost.endsWith('.letsencrypt.org') ? 'Let’s Encrypt' : authorityHost,
      ...(profile ? [profile] : []),
      ...(challenge ? [challenge] : []),
    ]),
  kept: (what) => `保留以供下次使用：${list(what)}`,
  failed: (subject, rule) => `没有取得证书：${subject} ${rule}`,
  staging: (directory) => `在 ${directory} 试申请一次（那里签发的证书不受任何人信任）：`,
  stagingPassed: '可以签发',
  stagingSkipped: '未做试申请：需要运行中的中继来应答，而那要写入文件。',
  later: '由 derp-setup renew 申请',
  renewed: (host, until) => `${host} 的新证书已启用，有效期至 ${until}。`,
  reimported: (file, until) => `${file} 中的证书已更新，现已启用，有效期至 ${until}。`,
  notDue: (until, next) => `证书有效期至 ${until}，${next} 起需要续期：现在无事可做。`,
  authorityAsks: (url) => (url === undefined ? '证书机构要求提前续期。' : `证书机构要求提前续期：${url}`),
  waiting: (until, detail) => `上次失败（${detail}），${until} 之前不再申请`,
  notServed: (port) => `中继没有在端口 ${port} 上使用新证书；已恢复原来的证书`,
  stillServed: (until) => `原来的证书仍在使用，有效期至 ${until}。`,
  ended: '没有有效的证书：客户端会拒绝此中继。',
  nextReady: (days, at) => `证书将在 ${days} 天后（${at}）过期。新证书已备好，指纹不同。`,
  entryNow: '更换之前的节点条目：',
  entryNext: '更换之后的节点条目：',
  switchBy: (at) =>
    `客户端一次只认一个指纹。请把新条目写入 derpMap，同时运行：sudo derp-setup renew --switch\n如一直不更换，${at} 起会自动更换。`,
  switched: (pin) => `已更换：证书指纹现为 ${pin}。请粘贴新的 derpMap：`,
  nothingToSwitch: '没有可更换的新证书：到期前 30 天起，renew 会备好一份。',
};
