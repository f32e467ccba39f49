// A TLS proxy as companies run them: it ends the client's TLS with its own certificate and opens its own to the server,
// so the client never sees the server's chain:  node tls-terminator.mjs PORT CERTIFICATE KEY NAME TO-HOST TO-PORT
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:tls';

const [port, certificate, key, name, host, toPort] = process.argv.slice(2);

createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (client) => {
  const server = connect({ host, port: Number(toPort), servername: name, rejectUnauthorized: false });
  client.pipe(server).pipe(client);
  client.on('error', () => server.destroy()).on('close', () => server.destroy());
  server.on('error', () => client.destroy()).on('close', () => client.destroy());
}).listen(Number(port), () => console.log(`port ${port} leads to ${host}:${toPort}`));
