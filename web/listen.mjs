// Subscribes with a client of npm, and prints what it is told: node listen.mjs ws|sse URL REQUEST [TOKEN]
import { createClient as overSse } from 'graphql-sse';
import { createClient as overWebSocket } from 'graphql-ws';
import WebSocket from 'ws';

import { patience, resuming } from './client/resume.js';

const [protocol, url, request, token] = process.argv.slice(2);
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

resuming(client, { onExpired: () => tell('expired') }).subscribe(JSON.parse(request), {
  next: ({ data, errors }) => tell({ data, errors }),
  error: (problem) => tell({ error: Array.isArray(problem) ? problem : { code: problem.code, message: problem.message } }),
  complete: () => tell('complete'),
});
