import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './style.css';

import { explorerPlugin } from '@graphiql/plugin-explorer';
import { createGraphiQLFetcher, createLocalStorage } from '@graphiql/toolkit';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { createClient } from 'graphql-ws';
import { createElement as h } from 'react';
import { createRoot } from 'react-dom/client';

import { patience, resuming } from '../client/resume.js';

// One file a tab, in the order of their names.
const examples = import.meta.glob('./examples/*.graphql', { query: '?raw', import: 'default', eager: true });
const defaultTabs = Object.keys(examples)
  .sort()
  .map((file) => ({ query: examples[file].trimEnd() }));

// The page and the API share one address.
const url = location.pathname;
const socketUrl = location.origin.replace('http', 'ws') + url;

/** The editor's headers are those of a request; a socket has none, and is told them when it is opened. */
function fetcher(operation, options) {
  const connectionParams = options?.headers;
  const wsClient = resuming(createClient({ ...patience, url: socketUrl, connectionParams }));
  return createGraphiQLFetcher({ url, wsClient })(operation, options);
}

createRoot(document.getElementById('graphiql')).render(
  h(
    GraphiQL,
    {
      fetcher,
      // Named, because whatever else runs on localhost has a GraphiQL as well.
      storage: createLocalStorage({ namespace: 'genji' }),
      plugins: [HISTORY_PLUGIN, explorerPlugin({ showAttribution: false })],
      defaultTabs,
    },
    h(GraphiQL.Logo, null, h('span', { className: 'genji' }, 'Genji ', h('span', { lang: 'ja' }, '源氏'))),
  ),
);
