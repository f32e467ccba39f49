// Answers on TCP and UDP ports, over IPv4 and IPv6:  node echo.mjs tcp/443 udp/3478 …
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

for (const port of process.argv.slice(2)) {
  const [protocol, number] = port.split('/');
  if (protocol === 'tcp') {
    createServer((socket) => socket.on('error', () => {}).end('here')).listen(
      { port: Number(number), host: '::' },
      () => console.log(`listening on ${port}`),
    );
  } else {
    const socket = createSocket('udp6');
    socket.on('message', (_message, { address, port: from }) => socket.send('here', from, address));
    socket.bind(Number(number), '::', () => console.log(`listening on ${port}`));
  }
}
