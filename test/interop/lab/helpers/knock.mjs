// Says as JSON which ports of which addresses answer:  node knock.mjs 198.18.1.1,fd00::1 tcp/443 udp/3478 …
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';

const [addresses, ...ports] = process.argv.slice(2);
const WAIT_MS = 1200;

function knockTcp(host, port) {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: WAIT_MS });
    const end = (answered) => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('data', () => end(true)).once('timeout', () => end(false));
    socket.once('error', () => end(false)).once('end', () => end(false));
  });
}

function knockUdp(host, port) {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    const end = (answered) => {
      clearTimeout(timer);
      socket.close();
      resolve(answered);
    };
    const timer = setTimeout(end, WAIT_MS, false);
    socket.once('message', () => end(true)).once('error', () => end(false));
    socket.send('hello', port, host);
  });
}

const answers = addresses.split(',').flatMap((host) =>
  ports.map(async (port) => {
    const [protocol, number] = port.split('/');
    const answered = await (protocol === 'tcp' ? knockTcp : knockUdp)(host, Number(number));
    return [`${port} by IPv${isIPv6(host) ? 6 : 4}`, answered];
  }),
);
console.log(JSON.stringify(Object.fromEntries(await Promise.all(answers))));
