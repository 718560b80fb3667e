// The dashboard in Chromium, served by the real server from a database that a short real run fills.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {after, before, test} from 'node:test';
import {launch, openPage, seriousFindings, Service} from './harness.mjs';

const kSpec = {
  name: 'web-test', model: 'bert-tiny', task: 'sentences3k', attention: '$layers: $mask',
  axes: {layers: ['all', 'last 1'], mask: ['dense', 'self', 'window(1)', 'global(1) + random(1)']},
  where: ["layers == 'all' or mask == 'self'"],
  training: {max_steps: 12, batch_size: 16, max_length: 32, pooling: 'mean', train_examples: 192}, seeds: 2, mask_seeds: [0],
};
const service = new Service();
let browser;
let sweep;   // sweeps/N of kSpec, finished
let cells;
let masked;  // trials/N of "global(1) + random(1)"

before(async () => {
  browser = await launch();
  await service.startServer();
});
after(async () => {
  await browser?.close();
  await service.stop();
});

const ended = (answer) => /SUCCEEDED|FAILED|CANCELLED/.test(answer.state);
const percent = (value) => (100 * value).toFixed(1).replace('-', '−');

test('a sweep appears and finishes without a reload', async () => {
  const {page, complaints, close} = await openPage(browser, service.url);
  await page.getByText('No sweep yet').waitFor();
  await page.getByRole('status').filter({hasText: 'live'}).waitFor();
  await page.evaluate(() => (globalThis.sameDocument = true));

  sweep = (await service.call('SweepService/CreateSweep', {spec: kSpec, requestId: 'web-test-1'})).name;
  const card = page.locator(`[data-sweep="${sweep}"]`);
  await card.getByRole('link', {name: 'web-test'}).waitFor();
  assert.equal(await card.getByRole('progressbar').getAttribute('aria-valuenow'), '0');
  service.startWorker();
  await card.locator('.state.succeeded').waitFor({timeout: 120_000});
  assert.equal(await card.getByRole('progressbar').getAttribute('aria-valuetext'), '10 of 10 trials done');
  assert.equal(await page.evaluate(() => globalThis.sameDocument), true);
  assert.deepEqual(complaints, []);

  ({cells} = await service.call('SweepService/ListCells', {parent: sweep}));
  assert.equal(cells.length, 5);
  masked = cells.find((cell) => cell.canonical.startsWith('global')).trials[0];
  await close();
});

test('the cell table has the numbers of the API, sorted and filtered as asked', async () => {
  const {page, complaints, close} = await openPage(browser, `${service.url}/${sweep}`);
  await page.locator('tr[data-cell]').nth(cells.length - 1).waitFor();
  for (const cell of cells) {
    const row = page.locator(`tr[data-cell="${cell.cell ?? 0}"]`);
    const value = (column) => row.locator(`td[data-column="${column}"]`).getAttribute('data-value').then(Number);
    const text = (column) => row.locator(`td[data-column="${column}"]`).innerText();
    assert.equal(await row.getByRole('rowheader').getAttribute('title'), cell.canonical);
    assert.equal(await value('mean'), cell.mean);
    assert.equal(await value('density'), cell.density);
    assert.equal(await value('n'), cell.n);
    assert.match(await text('mean'), new RegExp(`^${percent(cell.mean)}\\s*± ${percent(cell.stddev)}$`));
    if (cell.baseline) assert.equal(await text('difference'), 'baseline');
    else assert.equal(await value('difference'), cell.difference ?? 0);
    assert.deepEqual(await row.locator('td[data-column="trials"] a').evaluateAll((links) => links.map((link) => link.getAttribute('href'))),
      cell.trials.map((trial) => `/${trial}`));
  }

  const shown = () => page.locator('tr[data-cell]').evaluateAll((rows) => rows.map((row) => Number(row.dataset.cell)));
  await page.getByRole('button', {name: 'Density'}).click();
  const byDensity = [...cells].sort((a, b) => a.density - b.density).map((cell) => Number(cell.cell ?? 0));
  assert.deepEqual(await shown(), byDensity);
  await page.getByRole('button', {name: 'Density'}).click();
  assert.deepEqual(await shown(), byDensity.reverse());
  await page.getByRole('searchbox', {name: 'Filter'}).fill('self density<0.3');
  await page.waitForFunction(() => document.querySelectorAll('tr[data-cell]').length === 1);
  assert.ok(page.url().includes('sort=-density'));
  await page.reload();  // the address holds what was chosen
  await page.waitForFunction(() => document.querySelectorAll('tr[data-cell]').length === 1);

  const download = page.waitForEvent('download');
  await page.getByRole('button', {name: 'JSON'}).click();
  const saved = JSON.parse(readFileSync(await (await download).path(), 'utf8'));
  assert.deepEqual(saved, cells.filter((cell) => cell.canonical === 'self'));
  assert.deepEqual(complaints, []);
  await close();
});

test('heat map and scatter show the means of the API', async () => {
  const {page, close} = await openPage(browser, `${service.url}/${sweep}`);
  await page.locator('table.heat').waitFor();
  const values = await page.locator('table.heat tbody tr').evaluateAll((rows) => rows.map((row) => [row.querySelector('th').innerText.trim(),
    ...[...row.querySelectorAll('td')].map((cell) => (cell.dataset.value === undefined ? null : Number(cell.dataset.value)))]));
  const mean = (layers, mask) => cells.find((cell) => cell.axes.layers === layers && cell.axes.mask === mask)?.mean ?? null;
  assert.deepEqual(values, kSpec.axes.mask.map((mask) => [mask, mean('all', mask), mean('last 1', mask)]));
  await page.getByRole('combobox', {name: 'Rows'}).selectOption('');
  await page.getByRole('combobox', {name: 'Columns'}).selectOption('mask');
  await page.waitForFunction(() => document.querySelectorAll('table.heat thead th').length === 4);

  const dots = await page.locator('.chart path[data-cell]').evaluateAll((paths) => paths.map((path) => {
    const box = path.getBBox();
    return {cell: Number(path.dataset.cell), x: box.x + box.width / 2, y: box.y + box.height / 2};
  }));
  assert.equal(dots.length, cells.length);
  const of = (cell) => cells.find((other) => Number(other.cell ?? 0) === cell);
  for (const a of dots) {
    for (const b of dots) {
      if (of(a.cell).density - of(b.cell).density > 0.02) assert.ok(a.x > b.x, 'denser is further right');
      if (of(a.cell).mean - of(b.cell).mean > 0.01) assert.ok(a.y < b.y, 'better is higher');
    }
  }
  await close();
});

test('learning curves of pinned cells are drawn', async () => {
  const pinned = cells.find((cell) => cell.canonical === 'self');
  const {page, close} = await openPage(browser, `${service.url}/${sweep}`);
  await page.locator(`tr[data-cell="${pinned.cell}"] input`).check();
  const twin = page.locator('section[aria-labelledby="curves"] details');
  await page.waitForFunction(() => document.querySelectorAll('section[aria-labelledby="curves"] tbody tr').length === 2);
  await twin.locator('summary').click();
  const {points} = await service.call('TrialService/ListTrialMetrics', {parent: pinned.trials[0], afterStep: '-1', names: ['train/loss']});
  const cellsOfRow = await twin.locator('tbody tr').first().locator('td').allInnerTexts();
  assert.equal(Number(cellsOfRow[0]), points.length);
  assert.equal(cellsOfRow[1], points.at(-1).step);
  assert.equal(Number(cellsOfRow[3]), Number(points.at(-1).value.toPrecision(4)));
  const inked = () => page.locator('.u-over').locator('..').locator('canvas').evaluate((canvas) => {
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let blue = 0;
    for (let k = 0; k < data.length; k += 4) if (data[k + 3] > 200 && data[k + 2] - data[k] > 80) blue += 1;
    return blue;
  });
  assert.ok(await inked() > 100, 'the trace is on the canvas');
  assert.ok(page.url().includes(`pin=${pinned.cell}`));
  await close();
});

test('every pixel of a mask picture is the entry of the mask', async () => {
  const mask = await service.call('TrialService/GetTrialMask', {name: masked, length: 13});
  const {page, complaints, close} = await openPage(browser, `${service.url}/${masked}?length=13`);
  await page.locator('button.mask').nth(mask.layers * mask.heads - 1).waitFor();
  for (let layer = 0; layer < mask.layers; layer += 1) {
    for (let head = 0; head < mask.heads; head += 1) {
      const {rows, kept} = mask.masks[mask.maskIndex[layer * mask.heads + head]];
      const wanted = rows.flatMap((row) => [...Buffer.from(row, 'hex')].flatMap((byte) => [0, 1, 2, 3, 4, 5, 6, 7].map((bit) => (byte >> bit) & 1)).slice(0, 13));
      const drawn = await page.locator(`button[data-layer="${layer}"][data-head="${head}"] canvas`).evaluate((canvas) => {
        const on = getComputedStyle(document.documentElement).getPropertyValue('--mask-on').trim();
        const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return Array.from({length: data.length / 4}, (_, k) =>
          (`#${[0, 1, 2].map((c) => data[4 * k + c].toString(16).padStart(2, '0')).join('')}` === on ? 1 : 0));
      });
      assert.deepEqual(drawn, wanted);
      assert.equal(wanted.reduce((a, b) => a + b), Number(kept));
    }
  }
  const trial = await service.call('TrialService/GetTrial', {name: masked});
  const attested = page.getByRole('region', {name: 'Attested masks'}).locator('tbody tr');
  assert.equal(await attested.count(), trial.masks.length);
  assert.equal(await attested.first().locator('code').getAttribute('title'), trial.masks[0].hash);
  assert.match(await page.locator('pre.log').innerText(), /\S/);
  assert.deepEqual(complaints, []);
  await close();
});

test('the sheet says what is under the pointer, and its address what is enlarged, at any length', async () => {
  const trial = await service.call('TrialService/GetTrial', {name: masked});
  const {page, complaints, close} = await openPage(browser, `${service.url}/${masked}`);
  await page.locator('button.mask').first().waitFor();
  const length = page.getByRole('spinbutton', {name: 'Length in tokens'});
  await length.fill('30');
  await length.press('Enter');
  const mask = await service.call('TrialService/GetTrialMask', {name: masked, length: 30});
  const entry = mask.masks[mask.maskIndex[3]];
  const under = page.locator('[data-layer="1"][data-head="1"]');
  const said = `Layer 1, head 1 · ${entry.kept} of 900 kept · density ${entry.density.toFixed(3)} · attested over all examples: ` +
    `path ${trial.masks[3].path}, ${Number(trial.masks[3].kept).toLocaleString('en').replaceAll(',', ' ')} kept, density ${trial.masks[3].density.toFixed(3)}`;
  await page.locator(`[data-layer="1"][data-head="1"][aria-label="${said}"]`).waitFor();
  await under.hover();
  assert.equal(await page.locator('#masks ~ * .readout').innerText(), said);
  await under.click();
  const entries = page.getByRole('dialog').getByRole('application');
  const box = await entries.boundingBox();
  for (const [row, column] of [[0, 0], [7, 21], [29, 29]]) {
    await page.mouse.move(box.x + ((column + 0.5) * box.width) / 30, box.y + ((row + 0.5) * box.height) / 30);
    const bits = [...Buffer.from(entry.rows[row], 'hex')].flatMap((byte) => [0, 1, 2, 3, 4, 5, 6, 7].map((bit) => (byte >> bit) & 1));
    assert.equal(await page.getByRole('dialog').locator('.readout').innerText(),
      `query ${row} ${bits[column] ? 'sees' : 'does not see'} key ${column}; it keeps ${bits.reduce((a, b) => a + b)} of 30 keys`);
  }
  assert.ok(page.url().endsWith('length=30&mask=1.1'));
  await page.reload();
  await page.getByRole('dialog', {name: 'Mask of Layer 1, head 1'}).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({state: 'detached'});

  await page.locator('section[aria-labelledby="masks"] summary').click();
  const twin = await page.getByRole('region', {name: 'Chart as a table'}).first().locator('tbody tr').evaluateAll((rows) =>
    rows.map((row) => [...row.cells].slice(0, 3).map((cell) => cell.innerText)));
  assert.deepEqual(twin, mask.maskIndex.map((index, k) => [`${Math.floor(k / 2)}`, `${k % 2}`, mask.masks[index].kept]));
  const download = page.waitForEvent('download');
  await page.locator('section[aria-labelledby="masks"]').getByRole('button', {name: 'CSV'}).click();
  const saved = readFileSync(await (await download).path(), 'utf8').trim().split('\r\n');
  assert.equal(saved.length, 5);
  assert.ok(saved[4].endsWith(`${trial.masks[3].path},${trial.masks[3].hash}`));
  assert.deepEqual(complaints, []);
  await close();
});

test('a cell shows the masks of its plan, and which trial they belong to', async () => {
  const cell = cells.find((one) => one.trials[0] === masked);
  const {page, complaints, close} = await openPage(browser, `${service.url}/${sweep}`);
  await page.getByRole('button', {name: `Masks of cell ${cell.cell ?? 0}, ${cell.canonical}`}).click();
  const plan = page.locator('section[aria-labelledby="plan"]');
  await plan.locator('button.mask').nth(3).waitFor();
  assert.equal(await plan.getByRole('region', {name: 'Attested masks'}).locator('tbody tr').count(), 4);
  await plan.getByRole('combobox', {name: 'Trial'}).selectOption(cell.trials[1].split('/')[1]);
  await plan.getByText('seed 2, mask seed 0').waitFor();
  assert.ok(page.url().endsWith(`?cell=${cell.cell ?? 0}&trial=${cell.trials[1].split('/')[1]}`));
  assert.deepEqual(await seriousFindings(page), []);
  await page.reload();
  await plan.locator('button.mask').nth(3).waitFor();
  await plan.getByRole('button', {name: 'Close'}).click();
  await plan.waitFor({state: 'detached'});
  assert.deepEqual(complaints, []);
  await close();
});

// Real results with something to say: learned degrees, warnings ([CLS] that reaches nothing), and seeds that
// ran with another number of threads than the baseline's.
const kLearned = {
  name: 'learned', model: 'bert-tiny', task: 'sentences3k', attention: '$mask',
  axes: {mask: ['self', 'learned_window(max=8)', 'lexical(2)', 'dense']},
  training: {epochs: 2, batch_size: 16, max_length: 24, pooling: 'cls', train_examples: 64}, seeds: 2,
};
let learned;  // sweeps/N of kLearned, finished
let learnedCells;
const learnedCell = (mask) => learnedCells.find((cell) => cell.axes.mask === mask);

test('a sweep whose queued trials are paused says so, and goes on from its page', async () => {
  await service.worker.stop();
  learned = (await service.call('SweepService/CreateSweep', {spec: kLearned, requestId: 'web-test-learned'})).name;
  await service.until('SweepService/GetSweep', {name: learned}, ({state}) => state !== 'SWEEP_STATE_EXPANDING', 'the expanded sweep');
  ({cells: learnedCells} = await service.call('SweepService/ListCells', {parent: learned}));
  const {page, complaints, close} = await openPage(browser, `${service.url}/${learned}`, {width: 390});
  const plan = page.locator('section[aria-labelledby="plan"]');
  for (const cell of learnedCells.filter(({baseline}) => !baseline)) {
    await page.getByRole('button', {name: `Masks of cell ${cell.cell ?? 0}, ${cell.canonical}`}).click();
    await plan.getByRole('button', {name: 'Pause cell'}).click();
    await plan.getByRole('button', {name: 'Resume cell'}).waitFor();
    assert.equal(await page.locator(`tr[data-cell="${cell.cell ?? 0}"] td[data-column="trials"]`).getByText('2 paused').count(), 1);
  }
  service.startWorker({name: 'two-threads', slots: 1, threads: 2});
  await page.getByText('Waiting: its 6 queued trials are paused; resume the sweep to go on').waitFor({timeout: 120_000});
  await page.getByText('2 of 8 trials done, 6 paused').waitFor();
  await page.locator('h1 + .state.running').waitFor();
  assert.deepEqual(await seriousFindings(page), []);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 390);

  const {name: paused} = await service.call('TrialService/GetTrial', {name: learnedCell('self').trials[0]});
  await page.goto(`${service.url}/${paused}`);
  await page.getByText(`paused in sweep ${learned.split('/')[1]}`).waitFor();
  await service.worker.stop();
  service.startWorker();
  await page.goto(`${service.url}/${learned}`);
  await page.getByRole('button', {name: 'Resume', exact: true}).click();
  await page.locator('h1 + .state.succeeded').waitFor({timeout: 120_000});
  ({cells: learnedCells} = await service.call('SweepService/ListCells', {parent: learned}));
  assert.deepEqual(complaints, []);
  await close();
});

test('warnings and pairs that were left out are numbered notes below the table', async () => {
  const {page, complaints, close} = await openPage(browser, `${service.url}/${learned}`);
  const notes = page.getByRole('list', {name: 'Notes'}).getByRole('listitem');
  await notes.first().waitFor();
  const warnings = learnedCell('self').warnings;
  assert.match(warnings[0], /CLS/);
  const left = '2 seeds left out of the difference: run on another device or with another number of threads than the baseline’s.';
  const wanted = learnedCells.map((cell) => [...(cell.warnings ?? []), ...(cell.leftOut ? [left] : [])]);
  assert.deepEqual(learnedCells.filter(({leftOut}) => leftOut === 2).length, 3);
  const sentences = await notes.allInnerTexts();
  assert.deepEqual(sentences, [...new Set(wanted.flat())]);
  assert.deepEqual(await page.locator('td[data-column="notes"]').allInnerTexts(),
    wanted.map((of) => of.map((sentence) => sentences.indexOf(sentence) + 1).join(', ')));
  // Nothing is left to compare.
  assert.equal(await page.locator(`tr[data-cell="${learnedCell('self').cell ?? 0}"] td[data-column="difference"]`).innerText(), '–');
  assert.deepEqual(await seriousFindings(page), []);
  await page.goto(`${service.url}/${learnedCell('self').trials[0]}`);
  const list = page.getByRole('list', {name: 'Warnings'}).getByRole('listitem');
  await list.first().waitFor();
  assert.deepEqual(await list.allInnerTexts(), warnings);
  assert.deepEqual(complaints, []);
  await close();
});

test('learned degrees are drawn per layer and epoch, and are a table', async () => {
  const name = learnedCell('learned_window(max=8)').trials[0];
  const {degrees} = await service.call('TrialService/GetTrial', {name});
  assert.deepEqual(degrees.map(({epoch, layer, heads}) => [epoch, layer ?? 0, heads]), [[1, 0, [0, 1]], [1, 1, [0, 1]], [2, 0, [0, 1]], [2, 1, [0, 1]]]);
  const {page, complaints, close} = await openPage(browser, `${service.url}/${name}`);
  const section = page.locator('section[aria-labelledby="degrees"]');
  await section.locator('path.learned').nth(3).waitFor();
  // Heights of a line as shares of that of 1, which every window has at distance 0.
  const shares = (layer, epoch) => section.locator(`path[data-label="layer ${layer}"][data-epoch="${epoch}"]`).evaluate((path) => {
    const points = path.getAttribute('d').slice(1).split('L').map((point) => point.split(' ').map(Number));
    const floor = path.ownerSVGElement.viewBox.baseVal.height - 22;
    return points.map(([, y]) => (floor - y) / (floor - points[0][1]));
  });
  for (const row of degrees) {
    const drawn = await shares(row.layer ?? 0, row.epoch);
    assert.equal(drawn.length, 9);
    let reach = 1e6;  // P(degree >= distance), in parts per million
    for (let distance = 0; distance < 9; distance += 1) {
      assert.ok(Math.abs(drawn[distance] - reach / 1e6) < 0.005, `epoch ${row.epoch}, distance ${distance}: ${drawn[distance]} and ${reach}`);
      reach -= row.distributionPpm[distance] ?? 0;
    }
  }
  await section.getByRole('combobox', {name: 'Layer'}).selectOption('1');
  await section.locator('figure').nth(1).waitFor({state: 'detached'});
  assert.ok(page.url().includes('layer=1'));
  await section.getByText('All epochs as a table').click();
  const table = await section.getByRole('region', {name: 'Learned degrees as a table'}).locator('tbody tr').evaluateAll((rows) =>
    rows.map((one) => [...one.cells].map((cell) => cell.innerText.trim())));
  const ordered = [...degrees].sort((a, b) => (a.layer ?? 0) - (b.layer ?? 0) || a.epoch - b.epoch);
  const three = (value) => (value >= 0.0995 || value === 0 ? value.toFixed(3) : value.toPrecision(2));
  assert.deepEqual(table.map((row) => [row[0], row[1], ...row.slice(4)]), ordered.map((row) => [`${row.epoch}`, `layer ${row.layer ?? 0}`,
    three(row.expectedDensity), three(row.hardenedDensity), percent(row.softValue), percent(row.hardenedValue)]));
  const download = page.waitForEvent('download');
  await section.getByRole('button', {name: 'JSON'}).click();
  assert.deepEqual(JSON.parse(readFileSync(await (await download).path(), 'utf8')), degrees);
  assert.deepEqual(await seriousFindings(page), []);
  assert.deepEqual(complaints, []);
  await close();
});

test('what a sweep measured is a table, with lines over the lengths', async () => {
  const spec = {name: 'memory', kind: 'profile', model: 'bert-tiny', attention: 'block($n)', axes: {n: [2]},
    profile: {lengths: [32, 64], tokens: 128}, training: {max_length: 64}, seeds: 1};
  const {name} = await service.call('SweepService/CreateSweep', {spec, requestId: 'web-test-memory'});
  await service.until('SweepService/GetSweep', {name}, ended, 'the end of the profile sweep');
  const sql = `SELECT c.attention, m.path, m.batch, m.length, m.activation_bytes / 1e6, m.forward_ms FROM v_cells c
    JOIN v_measurements m USING (trial_id) WHERE c.sweep = ? ORDER BY c.cell, m.path, m.length`;
  const {rows} = await service.call('QueryService/Query', {sql, parameters: [Number(name.split('/')[1])]});
  assert.equal(rows.length, 8);  // dense and block(2), each by two paths at two lengths

  const {page, complaints, close} = await openPage(browser, `${service.url}/${name}`);
  const section = page.locator('section[aria-labelledby="measurements"]');
  await section.locator('tbody tr').nth(7).waitFor();
  const table = await section.locator('tbody tr').evaluateAll((all) => all.map((one) => [...one.cells].map((cell) => cell.innerText.trim())));
  const four = (value) => String(Number(value.toPrecision(4)));
  assert.deepEqual(table.map((row) => row.slice(0, 6)), rows.map(([plan, path, batch, length, mb, ms]) =>
    [plan, path, `${batch}`, `${length}`, four(mb), four(ms)]));
  assert.equal(await section.locator('.legend li').count(), 4);
  await section.getByRole('combobox', {name: 'Metric'}).selectOption('forward, ms');
  await section.getByRole('img', {name: 'forward, ms by length, 4 lines'}).waitFor();
  assert.equal(await page.getByRole('heading', {name: 'Learning curves'}).count(), 0);
  assert.equal(await page.getByRole('heading', {name: 'Peak memory against density'}).count(), 1);
  assert.deepEqual(await seriousFindings(page), []);
  assert.deepEqual(complaints, []);
  await page.setViewportSize({width: 390, height: 844});
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await close();
  await service.call('SweepService/DeleteSweep', {name, requestId: 'web-test-memory-gone'});
});

test('a typed text shows its tokens and the masks that its words make', async () => {
  const text = 'The cat sat on the mat; the dog slept.';
  const name = learnedCell('lexical(2)').trials[0];
  for (const width of [1280, 390]) {
    const {page, complaints, close} = await openPage(browser, `${service.url}/${name}`, {width});
    await page.getByText('type one to see its masks').waitFor();
    assert.equal(await page.locator('button.mask:disabled').count(), 4);
    const field = page.getByRole('textbox', {name: 'Tokens of a text'});
    await field.fill(text);
    await field.press('Enter');
    await page.locator('button.mask canvas').nth(3).waitFor();
    const mask = await service.call('TrialService/GetTrialMask', {name, text});
    assert.deepEqual(mask.tokens, ['[CLS]', 'the', 'cat', 'sat', 'on', 'the', 'mat', ';', 'the', 'dog', 'slept', '.', '[SEP]']);
    assert.deepEqual(await page.locator('.tokens code').allInnerTexts(), mask.tokens);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width);
    await page.locator('[data-layer="1"][data-head="0"]').click();
    const dialog = page.getByRole('dialog');
    const {rows} = mask.masks[mask.maskIndex[2]];
    const bits = (row) => [...Buffer.from(rows[row], 'hex')].flatMap((byte) => [0, 1, 2, 3, 4, 5, 6, 7].map((bit) => (byte >> bit) & 1)).slice(0, 13);
    const box = await dialog.getByRole('application').boundingBox();
    for (const [row, column] of [[2, 9], [9, 2], [12, 12]]) {
      await page.mouse.move(box.x + ((column + 0.5) * box.width) / 13, box.y + ((row + 0.5) * box.height) / 13);
      assert.equal(await dialog.locator('.readout').innerText(), `query ${row} “${mask.tokens[row]}” ${bits(row)[column] ? 'sees' : 'does not see'} ` +
        `key ${column} “${mask.tokens[column]}”; it keeps ${bits(row).reduce((a, b) => a + b)} of 13 keys`);
    }
    assert.deepEqual(await dialog.locator('.ticks.down span').allInnerTexts(), mask.tokens);
    assert.deepEqual(await seriousFindings(page), []);
    await page.reload();  // the address holds the text
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', {name: 'Lengths'}).click();
    await page.getByText('type one to see its masks').waitFor();
    assert.deepEqual(complaints, []);
    await close();
  }
});

test('a text is shown under every plan, and what is wrong with one is said', async () => {
  const {page, close} = await openPage(browser, `${service.url}/${masked}`);
  const field = page.getByRole('textbox', {name: 'Tokens of a text'});
  await field.fill('Unbelievably good <b>“acting”</b> $(id)');
  await field.press('Enter');
  await page.locator('.tokens code').first().waitFor();
  assert.match((await page.locator('.tokens code').allInnerTexts()).join(' '), /^\[CLS\] un ##bel.* good < b > “ acting ” < \/ b > \$ \( id \) \[SEP\]$/);
  await field.fill('x '.repeat(4999) + 'xyz');
  await field.press('Enter');
  await page.getByText('tokens and is cut to 32, the trial’s max_length'.replace('’', "'")).waitFor();
  await close();
});

test('everything can be reached and used with the keyboard', async () => {
  const {page, close} = await openPage(browser, service.url);
  await page.locator('[data-sweep]').first().waitFor();
  const focused = () => page.evaluate(() => document.activeElement.innerText.trim());
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'Skip to content');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'learned');
  await page.keyboard.press('Enter');
  await page.locator('tr[data-cell]').first().waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  const tabTo = async (text) => {
    for (let k = 0; k < 60; k += 1) {
      await page.keyboard.press('Tab');
      if ((await focused()) === text) return;
    }
    assert.fail(`Tab does not reach "${text}"`);
  };
  await tabTo('Accuracy');
  await page.keyboard.press('Enter');
  await page.locator('th[aria-sort="ascending"]').waitFor();

  await page.goto(`${service.url}/${masked}?length=13`);
  const picture = page.locator('button.mask').first();
  await picture.waitFor();
  await picture.focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.evaluate(() => `${document.activeElement.dataset.layer}.${document.activeElement.dataset.head}`), '1.1');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  assert.match(await dialog.locator('.readout').innerText(), /^query 1 sees key 1; it keeps \d+ of 13 keys$/);
  await page.keyboard.press('Escape');
  await dialog.waitFor({state: 'detached'});
  assert.equal(await page.evaluate(() => document.activeElement.className), 'mask');
  await close();
});

test('no page is wider than a phone, and axe finds nothing serious', async () => {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [390, 1280]) {
      const {page, complaints, close} = await openPage(browser, service.url, {width, colorScheme});
      for (const [path, ready] of [['/', '[data-sweep]'], [`/${sweep}`, '.uplot canvas'], [`/${masked}`, '.uplot canvas'],
        [`/${learned}`, '.uplot canvas'], [`/${learnedCell('learned_window(max=8)').trials[0]}`, 'path.learned'], ['/workers', '[data-worker]']]) {
        await page.goto(service.url + path);
        await page.locator(ready).first().waitFor();
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, `${path} scrolls sideways at ${width}`);
        assert.deepEqual(await seriousFindings(page), [], `${path} at ${width}, ${colorScheme}`);
      }
      assert.deepEqual(complaints, []);
      await close();
    }
  }
});

test('a running sweep is paused, ordered, resumed and cancelled from its page', async () => {
  const spec = {...kSpec, name: 'long', training: {...kSpec.training, max_steps: 20_000}};
  const {name} = await service.call('SweepService/CreateSweep', {spec, requestId: 'web-test-2'});
  const {page, close} = await openPage(browser, `${service.url}/${name}`);
  await page.getByRole('button', {name: 'Pause'}).click();
  await page.locator('h1 + .state.paused').waitFor();
  await page.getByText('Order of its trials').click();
  for (const [label, value, field] of [['Priority', '7', 'priority'], ['Weight', '2.5', 'weight'], ['At once', '1', 'maxRunning']]) {
    const input = page.getByRole('spinbutton', {name: label});
    await input.fill(value);
    await input.press('Enter');
    await service.until('SweepService/GetSweep', {name}, (now) => `${now[field]}` === value, `the new ${field}`);
  }
  assert.deepEqual(await seriousFindings(page), []);
  await page.getByRole('button', {name: 'Resume'}).click();
  await page.locator('h1 + .state.running').waitFor();
  await page.getByRole('button', {name: 'Cancel'}).click();
  await page.getByRole('button', {name: 'No', exact: true}).click();
  await page.getByRole('button', {name: 'Cancel'}).click();
  await page.getByRole('button', {name: 'Yes, cancel'}).click();
  await page.locator('h1 + .state.cancelled').waitFor();
  await service.until('SweepService/GetSweep', {name}, ended, 'the end of the cancelled sweep');
  await page.getByRole('button', {name: 'Delete'}).click();
  await page.getByRole('button', {name: 'Yes, delete'}).click();
  await page.waitForURL(`${service.url}/`);
  await close();
});

test('cells, trials and workers are acted on from their pages, at any width', async () => {
  for (const width of [1280, 390]) {
    const spec = {...kSpec, name: `acts-${width}`, training: {...kSpec.training, max_steps: 20_000 + width}};
    const {name} = await service.call('SweepService/CreateSweep', {spec, requestId: `web-test-acts-${width}`});
    await service.until('SweepService/GetSweep', {name}, ({coverage}) => coverage?.running === '2', 'two running trials');
    const {cells: all} = await service.call('SweepService/ListCells', {parent: name});
    const cell = all.find(({canonical}) => canonical === 'self');
    const {page, complaints, close} = await openPage(browser, `${service.url}/${name}?cell=${cell.cell}`, {width});
    const plan = page.locator('section[aria-labelledby="plan"]');
    const clean = async () => {
      assert.deepEqual(await seriousFindings(page), []);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, `scrolls sideways at ${width}`);
    };
    const trials = page.locator(`tr[data-cell="${cell.cell}"] td[data-column="trials"]`);
    await plan.getByRole('button', {name: 'Cancel cell'}).click();
    await plan.getByText(`Cancel 2 trials of cell ${cell.cell}?`).waitFor();
    await clean();
    await plan.getByRole('button', {name: 'Yes, cancel cell'}).click();
    await trials.getByText('2 cancelled').waitFor();
    await plan.getByRole('button', {name: 'Retry cell'}).click();
    await trials.getByText('2 cancelled').waitFor({state: 'detached'});
    await plan.getByRole('button', {name: 'Pause cell'}).click();
    await trials.getByText('2 paused').waitFor();
    await plan.getByRole('button', {name: 'Resume cell'}).click();
    await trials.getByText('2 paused').waitFor({state: 'detached'});

    const trial = cell.trials[1];
    await page.goto(`${service.url}/${trial}`);
    await page.getByRole('button', {name: 'Pause'}).click();
    await page.getByText(`paused in sweep ${name.split('/')[1]}`).waitFor();
    await page.getByRole('button', {name: 'Resume'}).click();
    await page.getByText('paused in sweep').waitFor({state: 'detached'});
    await page.getByRole('button', {name: 'Cancel'}).click();
    await page.getByRole('button', {name: 'Yes, cancel'}).click();
    await page.locator('h1 + .state.cancelled').waitFor();
    await page.getByRole('button', {name: 'Retry'}).click();
    await page.locator('h1 + .state.queued').waitFor();
    await clean();

    await page.goto(`${service.url}/workers`);
    const worker = page.locator('[data-worker="web-test"]');
    await worker.getByRole('button', {name: 'Drain'}).click();
    await worker.getByText('is given nothing new').waitFor();
    await clean();
    await service.call('SweepService/CancelSweep', {name});
    await worker.getByText('nothing runs').waitFor();
    await worker.getByRole('button', {name: 'Take back'}).click();
    await worker.locator('.state.online').waitFor();
    assert.deepEqual(complaints, []);
    await close();
  }
});

test('an action that comes too late is refused in a sentence, and the page shows what is', async () => {
  const spec = {...kSpec, name: 'stale', training: {...kSpec.training, max_steps: 30_000}};
  const {name} = await service.call('SweepService/CreateSweep', {spec, requestId: 'web-test-stale'});
  await service.until('SweepService/GetSweep', {name}, ({coverage}) => coverage?.running === '2', 'two running trials');
  const {page, close} = await openPage(browser, `${service.url}/${name}`);
  await page.getByRole('button', {name: 'Cancel'}).click();
  // Someone else changes the sweep between the click and the server's hearing of it.
  await page.route('**/sparsweep.v1.SweepService/CancelSweep', async (route) => {
    await service.call('SweepService/PauseSweep', {name});
    await route.continue();
  });
  await page.getByRole('button', {name: 'Yes, cancel'}).click();
  await page.getByRole('alert').filter({hasText: 'changed'}).waitFor();
  assert.equal((await service.call('SweepService/GetSweep', {name})).state, 'SWEEP_STATE_PAUSED');
  await service.call('SweepService/CancelSweep', {name});
  await close();
});

test('results are invalidated by condition, with what they were before and after', async () => {
  const {page, complaints, close} = await openPage(browser, `${service.url}/${sweep}`);
  const section = page.locator('section[aria-labelledby="invalidated"]');
  await section.getByText('Invalidate results').click();
  await section.getByRole('combobox', {name: 'Results'}).selectOption('where');
  const condition = section.getByRole('textbox', {name: 'Condition'});
  await condition.fill('wrker = 1');
  await section.getByRole('button', {name: 'Show which'}).click();
  await section.getByRole('alert').filter({hasText: 'wrker'}).waitFor();
  await section.getByRole('combobox', {name: 'Results'}).selectOption('pattern');
  await section.getByRole('textbox', {name: 'Which'}).fill('self');
  await section.getByRole('textbox', {name: 'Why'}).fill("its disk's cable");
  await section.getByRole('button', {name: 'Show which'}).click();
  const self = cells.find((cell) => cell.canonical === 'self');
  await section.getByText(`2 results selected; sweeps that were finished and will be open again: ${sweep.split('/')[1]}.`).waitFor();
  const selected = section.getByRole('region', {name: 'Selected results'}).locator('tbody tr');
  assert.deepEqual(await selected.evaluateAll((rows) => rows.map((row) => row.cells[0].innerText)), self.trials.map((name) => name.split('/')[1]));
  assert.deepEqual(await seriousFindings(page), []);
  const values = await Promise.all(self.trials.map(async (name) => (await service.call('TrialService/GetTrial', {name})).result.value));
  await section.getByRole('button', {name: 'Mark 2 results as stale and run again'}).click();
  const changes = section.getByRole('region', {name: 'Before and after'}).locator('tbody tr');
  await changes.nth(1).waitFor();
  await page.locator('h1 + .state.succeeded').waitFor({timeout: 120_000});
  await section.getByText('to run').first().waitFor({state: 'detached'});
  // Other threads, other worker; the numbers that a trial gives do not hang on either.
  const after = await Promise.all(self.trials.map(async (name) => (await service.call('TrialService/GetTrial', {name})).result.value));
  assert.deepEqual(await changes.evaluateAll((rows) => rows.map((row) => [...row.cells].slice(2).map((cell) => cell.innerText))),
    values.map((value, k) => [`${k + 1}`, percent(value), percent(after[k]), (100 * (after[k] - value)).toFixed(1), "its disk's cable"]));
  await page.goto(`${service.url}/${self.trials[0]}`);
  await page.getByText("stale: ").filter({hasText: "its disk's cable"}).waitFor();
  await page.getByRole('button', {name: 'Invalidate'}).click();
  await page.getByText('Mark the result as stale, in every sweep that holds it, and run the trial again?').waitFor();
  await page.getByRole('button', {name: 'Yes, invalidate'}).click();
  await page.locator('pre.log').waitFor();
  await service.until('TrialService/GetTrial', {name: self.trials[0]}, ({replicates}) => replicates?.length === 2, 'the second stale result');
  await service.until('SweepService/GetSweep', {name: sweep}, ended, 'the sweep');
  // Of the condition that names no column.
  assert.deepEqual(complaints, ['Failed to load resource: the server responded with a status of 400 (Bad Request)']);
  await close();
});

test('the page goes on after the server was killed and started again', async () => {
  const {page, close} = await openPage(browser, service.url);
  const feed = page.locator('.feed');
  await page.locator('.feed.on').waitFor();
  await page.evaluate(() => (globalThis.sameDocument = true));
  await service.server.stop('SIGKILL');
  await page.locator('.feed.off').waitFor();
  await service.startServer();
  await page.locator('.feed.on').waitFor();
  await service.call('SweepService/CreateSweep', {spec: {...kSpec, name: 'after'}, requestId: 'web-test-3'});
  await page.getByRole('link', {name: 'after'}).waitFor();
  assert.equal(await page.evaluate(() => globalThis.sameDocument), true);
  assert.equal(await feed.innerText(), 'live');
  await page.goto(`${service.url}/${masked}`);  // the log of a finished trial is in the database
  assert.match(await page.locator('pre.log').innerText(), /\S/);
  await close();
});

test('an address without a page says so', async () => {
  const {page, close} = await openPage(browser, `${service.url}/sweeps/999`);
  await page.getByRole('heading', {name: 'No such sweep'}).waitFor();
  await page.goto(`${service.url}/nothing/here`);
  await page.getByRole('heading', {name: 'No such page'}).waitFor();
  await close();
});
