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

// An answer of the server with something in it that this short sweep has no reason to say.
async function amended(page, method, amend) {
  await page.route(`**/sparsweep.v1.${method}`, async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    amend(json);
    await route.fulfill({response, json});
  });
}

test('warnings and pairs that were left out are numbered notes below the table', async () => {
  const {page, complaints, close} = await openPage(browser, 'about:blank');
  await amended(page, 'SweepService/ListCells', ({cells: all}) => {
    all[0].warnings = ['[CLS] reaches nothing but itself in every layer.'];
    all[1].warnings = ['[CLS] reaches nothing but itself in every layer.'];
    all[1].leftOut = 2;
  });
  await page.goto(`${service.url}/${sweep}`);
  const notes = page.getByRole('list', {name: 'Notes'}).getByRole('listitem');
  await notes.first().waitFor();
  assert.deepEqual(await notes.allInnerTexts(), ['[CLS] reaches nothing but itself in every layer.',
    '2 seeds left out of the difference: run on another device or with another number of threads than the baseline’s.']);
  assert.deepEqual(await page.locator('td[data-column="notes"]').allInnerTexts(), ['1', '1, 2', '', '', '']);
  assert.deepEqual(await seriousFindings(page), []);
  assert.deepEqual(complaints, []);
  await close();
});

test('learned degrees are drawn per layer and epoch, and are a table', async () => {
  const {page, complaints, close} = await openPage(browser, 'about:blank');
  const row = (epoch, layer, distributionPpm) => ({epoch, layer, heads: [0, 1], distributionPpm, expectedDensity: 0.5 / epoch, hardenedDensity: 0.4 / epoch, softValue: 0.75, hardenedValue: 0.7});
  const degrees = [row(1, 0, [100_000, 300_000, 600_000]), row(1, 1, [0, 0, 1_000_000]), row(2, 0, [500_000, 250_000, 250_000]), row(2, 1, [0, 500_000, 500_000])];
  await amended(page, 'TrialService/GetTrial', (trial) => (trial.degrees = degrees));
  await page.goto(`${service.url}/${masked}`);
  const section = page.locator('section[aria-labelledby="degrees"]');
  await section.locator('path.learned').nth(3).waitFor();
  // Heights of a line as shares of that of 1, which every window has at distance 0.
  const shares = (label, epoch) => section.locator(`path[data-label="${label}"][data-epoch="${epoch}"]`).evaluate((path) => {
    const points = path.getAttribute('d').slice(1).split('L').map((point) => point.split(' ').map(Number));
    const floor = path.ownerSVGElement.viewBox.baseVal.height - 22;
    return points.map(([, y]) => Number(((floor - y) / (floor - points[0][1])).toFixed(3)));
  });
  assert.deepEqual(await shares('layer 0', 1), [1, 0.9, 0.6]);
  assert.deepEqual(await shares('layer 0', 2), [1, 0.5, 0.25]);
  assert.deepEqual(await shares('layer 1', 2), [1, 1, 0.5]);
  await section.getByRole('combobox', {name: 'Layer'}).selectOption('1');
  await section.locator('figure').nth(1).waitFor({state: 'detached'});
  assert.ok(page.url().includes('layer=1'));
  await section.getByText('All epochs as a table').click();
  assert.deepEqual(await section.getByRole('region', {name: 'Learned degrees as a table'}).locator('tbody tr').evaluateAll((rows) =>
    rows.map((one) => [...one.cells].map((cell) => cell.innerText.trim()))), [
    ['1', 'layer 0', '1.5', '2', '0.500', '0.400', '75.0', '70.0'], ['2', 'layer 0', '0.75', '1', '0.250', '0.200', '75.0', '70.0'],
    ['1', 'layer 1', '2', '2', '0.500', '0.400', '75.0', '70.0'], ['2', 'layer 1', '1.5', '2', '0.250', '0.200', '75.0', '70.0'],
  ]);
  const download = page.waitForEvent('download');
  await section.getByRole('button', {name: 'JSON'}).click();
  assert.deepEqual(JSON.parse(readFileSync(await (await download).path(), 'utf8')), degrees);
  assert.deepEqual(await seriousFindings(page), []);
  assert.deepEqual(complaints, []);
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
  assert.equal(await focused(), 'web-test');
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
      for (const [path, ready] of [['/', '[data-sweep]'], [`/${sweep}`, '.uplot canvas'], [`/${masked}`, '.uplot canvas'], ['/workers', '[data-worker]']]) {
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

test('a running sweep is paused, resumed and cancelled from its page', async () => {
  const spec = {...kSpec, name: 'long', training: {...kSpec.training, max_steps: 20_000}};
  const {name} = await service.call('SweepService/CreateSweep', {spec, requestId: 'web-test-2'});
  const {page, close} = await openPage(browser, `${service.url}/${name}`);
  await page.getByRole('button', {name: 'Pause'}).click();
  await page.locator('h1 + .state.paused').waitFor();
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
