// The real programs in a temporary folder, and a Chromium to look at them with.
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const require = createRequire(new URL('../../web/package.json', import.meta.url));
const {chromium} = require('playwright-core');
const axe = require('axe-core');

const bin = process.env.SPARSWEEP_BIN;
const kFlags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

class Program {
  constructor(name, args) {
    this.output = '';
    this.child = spawn(join(bin, name), args, {stdio: ['ignore', 'pipe', 'pipe']});
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (text) => (this.output += text));
  }
  // The first group of `pattern`, once the program has printed it.
  async printed(pattern) {
    for (;;) {
      const found = pattern.exec(this.output);
      if (found) return found[1];
      if (this.child.exitCode !== null) throw new Error(`ended with ${this.child.exitCode}:\n${this.output}`);
      await Promise.race([once(this.child.stdout, 'data'), once(this.child, 'exit')]);
    }
  }
  async stop(signal = 'SIGTERM') {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill(signal);
    await ended;
  }
}

export class Service {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'sparsweep-web-'));
  }
  // Ports of the first start are kept by later ones.
  async startServer() {
    this.server = new Program('sparsweep', ['server', '--db', join(this.folder, 'test.db'),
      '--listen', `127.0.0.1:${this.grpcPort ?? 0}`, '--http', `127.0.0.1:${this.httpPort ?? 0}`]);
    this.grpcPort = await this.server.printed(/gRPC\s+\S+:(\d+)/);
    this.httpPort = await this.server.printed(/dashboard\s+\S+?:(\d+)\//);
    this.url = `http://127.0.0.1:${this.httpPort}`;
  }
  startWorker({name = 'web-test', slots = 2, threads = 1} = {}) {
    this.worker = new Program('sparsweep', ['worker', '--server', `127.0.0.1:${this.grpcPort}`, '--name', name, '--slots', `${slots}`, '--threads-per-slot', `${threads}`]);
  }
  async stop() {
    await this.worker?.stop();
    await this.server?.stop();
    rmSync(this.folder, {recursive: true, force: true});
  }
  async call(method, request = {}) {
    const response = await fetch(`${this.url}/sparsweep.v1.${method}`,
      {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(request)});
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method}: ${JSON.stringify(answer)}`);
    return answer;
  }
  // Polls until `done(answer)`; the tests of "live" look at the page, not at this.
  async until(method, request, done, what) {
    for (const end = Date.now() + 120_000; Date.now() < end;) {
      const answer = await this.call(method, request);
      if (done(answer)) return answer;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${what} did not come\nserver: ${this.server.output}\nworker: ${this.worker?.output}`);
  }
}

export const launch = () => chromium.launch({executablePath: process.env.CHROMIUM, args: kFlags});

// A page that keeps what the browser complains about (a blocked style, a failed script) in `complaints`.
export async function openPage(browser, url, {width = 1280, height = 900, colorScheme = 'light'} = {}) {
  const context = await browser.newContext({viewport: {width, height}, colorScheme});
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  return {page, complaints, close: () => context.close()};
}

// What axe finds serious or critical, as one line each.
export async function seriousFindings(page) {
  await page.evaluate(axe.source);
  const {violations} = await page.evaluate(() => globalThis.axe.run());
  return violations.filter(({impact}) => impact === 'serious' || impact === 'critical')
    .map(({id, nodes}) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`);
}
