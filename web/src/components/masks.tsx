// The masks of a trial for one length that the reader chooses, and what was attested of them.
import type {ComponentChildren} from 'preact';
import {useMemo} from 'preact/hooks';
import {getTrialMask, type MaskRowJson, type TrialJson, type TrialMaskJson} from '../api';
import {useLive} from '../live';
import {csv, save} from '../logic/download';
import {count, density, int} from '../logic/format';
import {maskBits} from '../logic/mask';
import {route, setQuery} from '../route';
import {Problem, Twin} from './common';
import {MaskDialog} from './mask_dialog';
import {MaskSheet, type MaskAt, type Place} from './mask_sheet';

const kHeadsBeside = 4;  // with more heads the pictures need the whole width
const kLongest = 512;  // of the API's pictures
const kTextBytes = 10_000;  // of a text

function Sheet({mask, trial}: {mask: TrialMaskJson; trial: TrialJson}) {
  const [length, layers, heads] = [mask.length ?? 0, mask.layers ?? 0, mask.heads ?? 0];
  const bits = useMemo(() => (mask.masks ?? []).map((picture) => maskBits(picture.rows ?? [], length)), [mask]);
  const attested = useMemo(() => new Map((trial.masks ?? []).map((row) => [`${row.layer ?? 0}.${row.head ?? 0}`, row])), [trial.masks]);
  const indexOf = ({layer, head}: Place) => mask.maskIndex?.[layer * heads + head] ?? -1;
  const at = (place: Place): MaskAt => ({
    picture: mask.masks?.[indexOf(place)], attested: attested.get(`${place.layer}.${place.head}`),
  });
  const [layer, head] = (route.value.query.get('mask') ?? '').split('.').map(Number);
  const open = layer !== undefined && head !== undefined && layer < layers && head < heads && bits[indexOf({layer, head})]
    ? {layer, head} : undefined;
  const places = Array.from({length: layers * heads}, (_, k) => ({layer: Math.floor(k / heads), head: k % heads}));
  return (
    <>
      <MaskSheet mask={mask} bits={bits} at={at} indexOf={indexOf} onOpen={(place) => setQuery('mask', `${place.layer}.${place.head}`)} />
      <Twin>
        <table>
          <thead><tr><th scope="col" class="number">Layer</th><th scope="col" class="number">Head</th><th scope="col" class="number">Kept at {length} tokens</th><th scope="col" class="number">Density</th><th scope="col" class="number">Empty rows</th><th scope="col">Hash</th></tr></thead>
          <tbody>
            {places.map((place) => {
              const {picture} = at(place);
              return (
                <tr key={`${place.layer}.${place.head}`}>
                  <td class="number">{place.layer}</td><td class="number">{place.head}</td><td class="number">{picture ? count(int(picture.kept)) : '–'}</td>
                  <td class="number">{picture ? density(Number(picture.density ?? 0)) : '–'}</td><td class="number">{picture ? picture.emptyRows ?? 0 : '–'}</td>
                  <td><code title={picture?.hash}>{picture?.hash?.slice(0, 16)}</code></td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Twin>
      {open ? (
        <MaskDialog key={`${open.layer}.${open.head}`} place={open} at={at(open)} bits={bits[indexOf(open)]!} length={length} tokens={mask.tokens ?? []}
          onClose={() => setQuery('mask', null)} />
      ) : null}
    </>
  );
}

function LengthField({mask, longest}: {mask: TrialMaskJson | undefined; longest: number}) {
  const lengths = Object.entries(mask?.lengths ?? {}).map(([length, n]) => ({length: Number(length), n: int(n)}));
  lengths.sort((a, b) => a.length - b.length);
  const chosen = Number(route.value.query.get('length') ?? 0) || mask?.length || 0;
  const all = lengths.reduce((sum, {n}) => sum + n, 0);
  const these = lengths.find(({length}) => length === chosen)?.n ?? 0;
  return (
    <>
      <label class="field">
        <span>Length in tokens</span>
        <input type="number" min={1} max={longest} step={1} list="lengths" value={chosen || ''}
          onChange={(event) => event.currentTarget.checkValidity() && setQuery('length', event.currentTarget.value || null)} />
        <datalist id="lengths">{lengths.map(({length, n}) => <option key={length} value={length} label={`${count(n)} examples`} />)}</datalist>
      </label>
      <span class="note">{all > 0 ? `${these === 0 ? 'none' : count(these)} of the ${count(all)} examples ${these < 2 ? 'is' : 'are'} this long` : ''}</span>
    </>
  );
}

// A text in the place of a length: its tokens are asked of the trainer program beside the server.
function TextFields({paired}: {paired: boolean}) {
  const query = route.value.query;
  const text = query.get('text') ?? '';
  const field = (name: string, label: string, placeholder: string) => (
    <label class="field grow">
      <span>{label}</span>
      <input type="text" value={query.get(name) ?? ''} placeholder={placeholder} maxLength={kTextBytes} autocomplete="off"
        onChange={(event) => {
          setQuery('mask', null);
          setQuery('length', null);
          setQuery(name, event.currentTarget.value.trim() || null);
        }} />
    </label>
  );
  return (
    <>
      {field('text', 'Tokens of a text', 'The cat sat on the mat.')}
      {paired && text ? field('pair', 'Its second segment', '') : null}
      {text ? <button type="button" onClick={() => ['text', 'pair', 'mask'].forEach((name) => setQuery(name, null))}>Lengths</button> : null}
    </>
  );
}

function Masks({trial, controls}: {trial: TrialJson; controls?: ComponentChildren}) {
  const name = trial.name ?? '';
  const wanted = Number(route.value.query.get('length') ?? 0);
  const example = route.value.query.get('example') ?? '';
  const text = route.value.query.get('text') ?? '';
  const pair = text ? route.value.query.get('pair') ?? '' : '';
  const {data, error} = useLive(`${name} ${wanted} ${example} ${text}\n${pair} ${trial.state}`, (signal) =>
    getTrialMask(name, text ? {text, textPair: pair, example} : {length: wanted, example}, signal), () => false);
  const columns = ((trial.spec?.['task'] ?? {}) as {columns?: Record<string, string>}).columns ?? {};
  const training = (trial.spec?.['training'] ?? {}) as Record<string, unknown>;
  const longest = Math.min(kLongest, Number(training['max_length'] ?? kLongest));
  return (
    <>
      <div class="tools">{controls}{text ? null : <LengthField mask={data} longest={longest} />}
        {data?.perExampleDraws || example ? (
          <label class="field">
            <span>Example</span>
            <input type="text" value={example} placeholder="train/0" pattern="(train|dev|test)/[0-9]+(/[0-9]+)?" spellcheck={false}
              onChange={(event) => event.currentTarget.checkValidity() && setQuery('example', event.currentTarget.value || null)} />
          </label>
        ) : null}
        <TextFields paired={columns['text_pair'] !== undefined} />
      </div>
      {text && !data && !error ? <p class="note" role="status">Asking the trainer for the tokens …</p> : null}
      {data?.tokens ? <p class="note tokens" aria-label="Tokens">{data.tokens.map((token, k) => <code key={k}>{token}</code>)}</p> : null}
      {(data?.notes ?? []).map((note) => <p key={note} class="note remark">{note}</p>)}
      <p class="note">Rows are queries, columns keys; coloured entries are kept. Pictures are computed from the plan.</p>
      <Problem error={error} />
      {data ? <Sheet mask={data} trial={trial} /> : null}
    </>
  );
}

const kFields = ['layer', 'head', 'kept', 'density', 'emptyRows', 'tileSparsity', 'path', 'hash'] as const;

// The attestation of a trial: what its own operator was measured to use.
function Attested({trial}: {trial: TrialJson}) {
  const masks = trial.masks ?? [];
  if (masks.length === 0) return <p class="note">Not attested yet: the trial has no result.</p>;
  const name = `${(trial.name ?? '').replace('/', '-')}-masks`;
  const full = (row: MaskRowJson) => Object.fromEntries(kFields.map((field) =>
    [field, field === 'path' || field === 'hash' ? row[field] ?? '' : Number(row[field] ?? 0)]));
  return (
    <>
      <div class="tools">
        <span class="note">Attested: what the operator was measured to use, over all examples.</span>
        <span class="buttons">
          <button type="button" onClick={() => save(`${name}.csv`, 'text/csv', csv(masks.map(full)))}>CSV</button>
          <button type="button" onClick={() => save(`${name}.json`, 'application/json', JSON.stringify(masks.map(full), null, 2))}>JSON</button>
        </span>
      </div>
      <div class="scroll tall" tabIndex={0} role="region" aria-label="Attested masks">
        <table>
          <thead><tr><th scope="col" class="number">Layer</th><th scope="col" class="number">Head</th><th scope="col">Path</th><th scope="col" class="number">Kept</th><th scope="col" class="number">Density</th><th scope="col" class="number">Empty rows</th><th scope="col">Hash</th></tr></thead>
          <tbody>
            {masks.map((row) => (
              <tr key={`${row.layer ?? 0} ${row.head ?? 0}`}>
                <td class="number">{row.layer ?? 0}</td><td class="number">{row.head ?? 0}</td><td>{row.path}</td><td class="number">{count(int(row.kept))}</td>
                <td class="number">{density(Number(row.density ?? 0))}</td><td class="number">{count(int(row.emptyRows))}</td>
                <td><code title={row.hash}>{row.hash?.slice(0, 16)}</code></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

// Both, beside each other where there is room. `controls` stand before the length.
export function PlanView({trial, controls}: {trial: TrialJson; controls?: ComponentChildren}) {
  const wide = (trial.masks ?? []).some((row) => (row.head ?? 0) >= kHeadsBeside);
  return (
    <div class={wide ? 'stacked' : 'beside'}>
      <div><Masks trial={trial} controls={controls} /></div>
      <div><Attested trial={trial} /></div>
    </div>
  );
}
