// Types of the wire contract from proto/, by protoc (Debian's, which the C++ build needs anyway) and
// buf's protoc-gen-es. Only the JSON types are used, so that no protobuf runtime reaches the browser.
// Not committed: the contract itself is, and a stale copy would compile.
import {execFileSync} from 'node:child_process';
import {mkdirSync, rmSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const web = dirname(fileURLToPath(import.meta.url));
const out = join(web, 'src/gen');
rmSync(out, {recursive: true, force: true});
mkdirSync(out, {recursive: true});
execFileSync(
  'protoc',
  [
    `-I${join(web, '../proto')}`,
    `--plugin=protoc-gen-es=${join(web, 'node_modules/.bin/protoc-gen-es')}`,
    `--es_out=${out}`,
    '--es_opt=target=ts,json_types=true',
    ...['sweep', 'trial', 'worker', 'query'].map((name) => `sparsweep/v1/${name}.proto`),
  ],
  {stdio: 'inherit'},
);
