// The masks of a trial for one length, a picture per layer and head. A click (or Enter) enlarges one;
// there the pointer or the arrow keys read out single entries.
import {useEffect, useMemo, useRef, useState} from 'preact/hooks';
import {getTrialMask, type MaskPictureJson, type TrialJson, type TrialMaskJson} from '../api';
import {useLive} from '../live';
import {count, density, int} from '../logic/format';
import {maskBits} from '../logic/mask';
import {route, setQuery} from '../route';
import {Problem, Select} from './common';

function rgb(name: string): [number, number, number] {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim().slice(1);
  return [0, 2, 4].map((k) => Number.parseInt(hex.slice(k, k + 2), 16)) as [number, number, number];
}

// One canvas pixel per entry; the style sheet scales it without smoothing.
function Picture({bits, length, cursor}: {bits: Uint8Array; length: number; cursor?: {row: number; column: number}}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const draw = () => {
      const context = canvas.current?.getContext('2d');
      if (!context) return;
      const image = context.createImageData(length, length);
      const [on, off, cross] = [rgb('--mask-on'), rgb('--mask-off'), rgb('--mask-cross')];
      for (let k = 0; k < bits.length; k += 1) {
        const crossed = cursor && bits[k] === 0 && (Math.floor(k / length) === cursor.row || k % length === cursor.column);
        const [r, g, b] = bits[k] === 1 ? on : crossed ? cross : off;
        image.data.set([r, g, b, 255], 4 * k);
      }
      context.putImageData(image, 0, 0);
    };
    draw();
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    return () => scheme.removeEventListener('change', draw);
  }, [bits, length, cursor]);
  return <canvas ref={canvas} width={length} height={length} aria-hidden="true" />;
}

interface Place {
  layer: number;
  head: number;
}

function Enlarged(props: {place: Place; picture: MaskPictureJson; bits: Uint8Array; length: number; path: string; onClose: () => void}) {
  const {place, picture, bits, length} = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const [cursor, setCursor] = useState({row: 0, column: 0});
  useEffect(() => dialog.current?.showModal(), []);

  const clamp = (value: number) => Math.min(length - 1, Math.max(0, value));
  const onKey = (event: KeyboardEvent) => {
    const by = event.shiftKey ? 8 : 1;
    const step = {ArrowUp: [-by, 0], ArrowDown: [by, 0], ArrowLeft: [0, -by], ArrowRight: [0, by]}[event.key];
    if (!step) return;
    event.preventDefault();
    setCursor(({row, column}) => ({row: clamp(row + step[0]!), column: clamp(column + step[1]!)}));
  };
  const onPointer = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    setCursor({
      row: clamp(Math.floor(((event.clientY - box.top) / box.height) * length)),
      column: clamp(Math.floor(((event.clientX - box.left) / box.width) * length)),
    });
  };
  const kept = bits[cursor.row * length + cursor.column] === 1;
  let degree = 0;
  for (let column = 0; column < length; column += 1) degree += bits[cursor.row * length + column]!;
  const title = `Layer ${place.layer}, head ${place.head}`;
  return (
    <dialog ref={dialog} aria-label={`Mask of ${title}`} onClose={props.onClose}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}>
      <div class="dialog-head">
        <h3>{title}</h3>
        <button type="button" onClick={() => dialog.current?.close()}>Close</button>
      </div>
      <div class="enlarged" tabIndex={0} role="application" aria-label="Mask; arrow keys move, with shift by eight" onKeyDown={onKey} onPointerMove={onPointer} onPointerDown={onPointer}>
        <Picture bits={bits} length={length} cursor={cursor} />
      </div>
      <p class="readout" aria-live="polite">
        query {cursor.row} {kept ? 'sees' : 'does not see'} key {cursor.column}; it keeps {degree} of {length} keys
      </p>
      <dl class="facts">
        <div><dt>Kept</dt><dd>{count(int(picture.kept))} of {count(length * length)}</dd></div>
        <div><dt>Density</dt><dd>{density(Number(picture.density ?? 0))}</dd></div>
        <div><dt>Empty rows</dt><dd>{picture.emptyRows ?? 0}</dd></div>
        {props.path ? <div><dt>Path</dt><dd>{props.path}</dd></div> : null}
        <div class="wide"><dt>Hash</dt><dd><code>{picture.hash}</code></dd></div>
      </dl>
    </dialog>
  );
}

function Grid({mask, trial}: {mask: TrialMaskJson; trial: TrialJson}) {
  const [open, setOpen] = useState<Place | null>(null);
  const length = mask.length ?? 0;
  const heads = mask.heads ?? 0;
  const layers = mask.layers ?? 0;
  const bits = useMemo(() => (mask.masks ?? []).map((picture) => maskBits(picture.rows ?? [], length)), [mask]);
  const pathOf = (layer: number, head: number) =>
    trial.masks?.find((row) => (row.layer ?? 0) === layer && (row.head ?? 0) === head)?.path ?? '';
  const at = (layer: number, head: number) => mask.maskIndex?.[layer * heads + head] ?? 0;
  const chosen = open === null ? undefined : mask.masks?.[at(open.layer, open.head)];
  return (
    <>
      <div class="scroll" role="region" aria-label="Masks by layer and head" tabIndex={0}>
        <div class="masks" style={{gridTemplateColumns: `repeat(${heads}, minmax(6.5rem, 11rem))`}}>
          {Array.from({length: layers * heads}, (_, k) => {
            const [layer, head] = [Math.floor(k / heads), k % heads];
            const picture = mask.masks?.[at(layer, head)];
            const path = pathOf(layer, head);
            if (!picture) return null;
            return (
              <button key={k} type="button" class="mask" data-layer={layer} data-head={head} onClick={() => setOpen({layer, head})}
                title="Enlarge">
                <Picture bits={bits[at(layer, head)]!} length={length} />
                <span class="caption"><b>layer {layer}, head {head}</b></span>
                <span class="caption note">density {density(Number(picture.density ?? 0))}</span>
                <span class="caption note">{count(int(picture.kept))} kept{path ? `, ${path}` : ''}</span>
                <code class="caption note">{picture.hash?.slice(0, 10)}</code>
              </button>
            );
          })}
        </div>
      </div>
      {open && chosen ? (
        <Enlarged place={open} picture={chosen} bits={bits[at(open.layer, open.head)]!} length={length}
          path={pathOf(open.layer, open.head)} onClose={() => setOpen(null)} />
      ) : null}
    </>
  );
}

export function Masks({trial}: {trial: TrialJson}) {
  const name = trial.name ?? '';
  const wanted = Number(route.value.query.get('length') ?? 0);
  const {data, error} = useLive(`${name} ${wanted} ${trial.state}`, (signal) => getTrialMask(name, wanted, signal), () => false);
  const lengths = Object.entries(data?.lengths ?? {}).map(([length, n]) => ({length: Number(length), n: int(n)}));
  lengths.sort((a, b) => a.length - b.length);
  const current = data?.length ?? wanted;
  const choices = lengths.map(({length, n}) => ({value: `${length}`, label: `${length} tokens (${count(n)} examples)`}));
  if (!lengths.some(({length}) => length === current)) choices.unshift({value: `${current}`, label: `${current} tokens`});
  return (
    <>
      <div class="tools">
        {data ? <Select label="Length" value={`${current}`} choices={choices} onChange={(value) => setQuery('length', value)} /> : null}
        <span class="note">Rows are queries, columns keys; coloured entries are kept. Computed from the plan; the attested table is what the trial's own operator was measured to use.</span>
      </div>
      <Problem error={error} />
      {data ? <Grid mask={data} trial={trial} /> : null}
    </>
  );
}
