import { defineConfig } from 'vite';

export default defineConfig({
  // Relative, so that the page works under whatever path a proxy puts in front.
  base: './',
  // GraphiQL loads its editors on demand, and a worker has to do so too.
  worker: { format: 'es' },
  build: {
    outDir: '../genji_graphql/http/static',
    emptyOutDir: true,
    assetsDir: 'graphiql',
    // A data: address would be refused by the page's own policy for scripts.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 9000,
    reportCompressedSize: false,
    rolldownOptions: {
      input: ['index.html', 'sign-in.html', 'reset-password.html'],
      onwarn(warning, warn) {
        // "use client" is meant for servers that render React; here all of it runs in the browser.
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
    },
  },
});
