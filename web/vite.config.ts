// Static files with hashed names under assets/; `npm run dev` passes the API on to a running
// `sparsweep server --http 127.0.0.1:7071` (or SPARSWEEP_HTTP).
import {join} from 'node:path';
import {defineConfig} from 'vitest/config';

const server = process.env['SPARSWEEP_HTTP'] ?? 'http://127.0.0.1:7071';
const proxy = {target: server, changeOrigin: true};

export default defineConfig({
  cacheDir: join(import.meta.dirname, 'node_modules/.vite'),
  oxc: {jsx: {runtime: 'automatic', importSource: 'preact'}},
  build: {target: 'es2022', assetsInlineLimit: 0, modulePreload: {polyfill: false}},
  server: {proxy: {'/sparsweep.v1': proxy, '/v1': proxy}},
  test: {root: '..', include: ['tests/web/unit/*.test.ts'], globals: true},
});
