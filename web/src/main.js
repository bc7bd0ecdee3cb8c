import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './style.css';

import { explorerPlugin } from '@graphiql/plugin-explorer';
import { createGraphiQLFetcher, createLocalStorage } from '@graphiql/toolkit';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { createElement as h } from 'react';
import { createRoot } from 'react-dom/client';

// One file a tab, in the order of their names.
const examples = import.meta.glob('./examples/*.graphql', { query: '?raw', import: 'default', eager: true });
const defaultTabs = Object.keys(examples)
  .sort()
  .map((file) => ({ query: examples[file].trimEnd() }));

createRoot(document.getElementById('graphiql')).render(
  h(
    GraphiQL,
    {
      // The page and the API share one address.
      fetcher: createGraphiQLFetcher({ url: location.pathname }),
      // Named, because whatever else runs on localhost has a GraphiQL as well.
      storage: createLocalStorage({ namespace: 'genji' }),
      plugins: [HISTORY_PLUGIN, explorerPlugin({ showAttribution: false })],
      defaultTabs,
    },
    h(GraphiQL.Logo, null, h('span', { className: 'genji' }, 'Genji ', h('span', { lang: 'ja' }, '源氏'))),
  ),
);
