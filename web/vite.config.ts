import { fileURLToPath } from 'node:url';
import type { UserConfig } from 'vite';

/** The API that `npx vite web` passes requests to. */
const API = process.env.API_URL ?? 'http://127.0.0.1:3000';

export default {
  root: fileURLToPath(new URL('.', import.meta.url)),
  resolve: {
    alias: {
      'decode-named-character-reference': fileURLToPath(new URL('src/diff/no-entities.ts', import.meta.url)),
    },
  },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2023',
    // A data: URL would need an exception in the content security policy; the polyfill is an inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The list of chunks, from which bin/web.ts sums the first load.
    manifest: 'manifest.json',
    reportCompressedSize: false,
    license: false,
  },
  server: {
    host: '127.0.0.1',
    port: 3390,
    strictPort: true,
    proxy: {
      '/api': { target: API, headers: { origin: API } },
      '/config.json': { target: API },
    },
  },
} satisfies UserConfig;
