// After vite build: a .gz beside every text file of dist/, which the server sends as it is.
import {readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import {dirname, extname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {gzipSync} from 'node:zlib';

const dist = join(dirname(fileURLToPath(import.meta.url)), 'dist');
let total = 0;
for (const name of readdirSync(dist, {recursive: true})) {
  const path = join(dist, name);
  if (!statSync(path).isFile() || !['.html', '.js', '.css', '.svg', '.json'].includes(extname(path))) continue;
  const packed = gzipSync(readFileSync(path), {level: 9});
  writeFileSync(`${path}.gz`, packed);
  total += packed.length;
}
console.log(`compressed text files: ${(total / 1024).toFixed(0)} KiB`);
