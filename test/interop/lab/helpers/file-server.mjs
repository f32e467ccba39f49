// Serves one file over HTTP at every path, on every address:  node file-server.mjs PORT FILE
// With ?rate=N in the URL it sends N bytes a second. The receiver could not slow it down: the buffers on the way hold
// megabytes.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const [port, file] = process.argv.slice(2);
const content = readFileSync(file);
const pauseMs = 50;

async function* paced(bytesPerSecond) {
  const step = Math.ceil((bytesPerSecond * pauseMs) / 1000);
  for (let at = 0; at < content.length; at += step) {
    yield content.subarray(at, at + step);
    await delay(pauseMs);
  }
}

createServer(async (request, response) => {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': content.length });
  if (request.method === 'HEAD') return response.end();
  const rate = Number(new URL(request.url, 'http://localhost').searchParams.get('rate'));
  if (!rate) return response.end(content);
  for await (const chunk of paced(rate)) response.write(chunk);
  response.end();
}).listen(Number(port), () => console.log(`serving ${file} on port ${port}`));
