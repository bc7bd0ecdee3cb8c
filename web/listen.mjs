// Subscribes with a client of npm, and prints what it is told, until it has `leave` results or there are no more:
// node listen.mjs ws|sse URL '{"query": …, "variables": …, "token": …, "leave": …}'
import { createClient as overSse } from 'graphql-sse';
import { createClient as overWebSocket } from 'graphql-ws';
import WebSocket from 'ws';

import { patience, resuming } from './client/resume.js';

const [protocol, url, asked] = process.argv.slice(2);
const { token, leave = Infinity, ...request } = JSON.parse(asked);
const tell = (what) => console.log(JSON.stringify(what));

// At once, so that nobody has to wait for a test.
const wait = () => new Promise((resolve) => setTimeout(resolve, 50));
const options = { url, ...patience, retryWait: wait, retry: wait };

const authorization = token && `Bearer ${token}`;
const client =
  protocol === 'ws'
    ? overWebSocket({
        ...options,
        webSocketImpl: WebSocket,
        connectionParams: authorization && { authorization },
        on: { connected: () => tell('connected'), closed: ({ code }) => tell({ closed: code }) },
      })
    : overSse({
        ...options,
        headers: authorization && { authorization },
        on: { connected: () => tell('connected') },
      });

const results = resuming(client, { onExpired: () => tell('expired') }).iterate(request);
try {
  let told = 0;
  for await (const { data, errors } of results) {
    tell({ data, errors });
    told += 1;
    if (told >= leave) break;
  }
  tell('over');
} catch (problem) {
  tell({ error: Array.isArray(problem) ? problem : { code: problem.code, message: problem.message } });
}
