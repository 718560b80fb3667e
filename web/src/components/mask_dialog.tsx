// One mask enlarged. The pointer or the arrow keys read out single entries.
import {useEffect, useRef, useState} from 'preact/hooks';
import {count, density, int} from '../logic/format';
import {degreeOf} from '../logic/mask';
import {linearTicks} from '../logic/ticks';
import {rgb, title, useDrawing, type MaskAt, type Place} from './mask_sheet';

const kTokenTicks = 20;  // names that have room along the picture

interface Entry {
  row: number;
  column: number;
}

// One canvas pixel per entry; the style sheet scales it without smoothing.
function Picture({bits, length, cursor}: {bits: Uint8Array; length: number; cursor: Entry}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useDrawing(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    const image = context.createImageData(length, length);
    const [on, off, onCross, offCross] = [rgb('--mask-on'), rgb('--mask-off'), rgb('--mask-on-cross'), rgb('--mask-off-cross')];
    for (let k = 0; k < bits.length; k += 1) {
      const crossed = Math.floor(k / length) === cursor.row || k % length === cursor.column;
      const [r, g, b] = bits[k] === 1 ? (crossed ? onCross : on) : crossed ? offCross : off;
      image.data.set([r, g, b, 255], 4 * k);
    }
    context.putImageData(image, 0, 0);
  }, [bits, length, cursor]);
  return <canvas ref={canvas} width={length} height={length} aria-hidden="true" />;
}

export function MaskDialog(props: {
  place: Place; at: MaskAt; bits: Uint8Array; length: number; tokens: readonly string[]; onClose: () => void;
}) {
  const {place, bits, length, tokens} = props;
  const {picture, attested} = props.at;
  const dialog = useRef<HTMLDialogElement>(null);
  const [cursor, setCursor] = useState<Entry>({row: 0, column: 0});
  const entries = useRef<HTMLDivElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    entries.current?.focus();
  }, []);

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
  // Tokens name the axes where there are any: all of them, or every so many.
  const ticks = tokens.length === 0 ? linearTicks(0, length - 1, 8).filter(Number.isInteger)
    : Array.from({length: Math.ceil(length / Math.ceil(length / kTokenTicks))}, (_, k) => k * Math.ceil(length / kTokenTicks));
  const named = (index: number) => (tokens[index] === undefined ? `${index}` : `${index} “${tokens[index]}”`);
  const edge = (index: number) => `${(100 * index) / length}%`;
  const middle = (index: number) => `${(100 * (index + 0.5)) / length}%`;
  return (
    <dialog ref={dialog} aria-label={`Mask of ${title(place)}`} onClose={props.onClose}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}>
      <div class="dialog-head">
        <h3>{title(place)}</h3>
        <span class="note">rows are queries, columns keys</span>
        <button type="button" onClick={() => dialog.current?.close()}>Close</button>
      </div>
      <div class={`enlarged ${tokens.length > 0 ? 'with-tokens' : ''}`}>
        <div class="ticks across" aria-hidden="true">{ticks.map((tick) => <span key={tick} class={tick === cursor.column ? 'at-cursor' : ''} style={{left: middle(tick)}}>{tokens[tick] ?? tick}</span>)}</div>
        <div class="ticks down" aria-hidden="true">
          {ticks.map((tick) => <span key={tick} class={tick === cursor.row ? 'at-cursor' : ''} style={{top: middle(tick)}}>{tokens[tick] ?? tick}</span>)}
        </div>
        <div class="entries" ref={entries} tabIndex={0} role="application" aria-label="Mask; arrow keys move, with shift by eight"
          onKeyDown={onKey} onPointerMove={onPointer} onPointerDown={onPointer}>
          <Picture bits={bits} length={length} cursor={cursor} />
          <span class="cursor" style={{top: edge(cursor.row), left: edge(cursor.column), width: edge(1), height: edge(1)}} />
        </div>
      </div>
      <p class="readout" aria-live="polite">
        query {named(cursor.row)} {kept ? 'sees' : 'does not see'} key {named(cursor.column)}; it keeps {degreeOf(bits, length, cursor.row)} of {length} keys
      </p>
      <dl class="facts">
        <div><dt>Kept</dt><dd>{count(int(picture?.kept))} of {count(length * length)}</dd></div>
        <div><dt>Density</dt><dd>{density(Number(picture?.density ?? 0))}</dd></div>
        <div><dt>Empty rows</dt><dd>{picture?.emptyRows ?? 0}</dd></div>
        {attested ? <div><dt>Attested path</dt><dd>{attested.path}</dd></div> : null}
        {attested ? <div><dt>Attested, all examples</dt><dd>{count(int(attested.kept))} kept, density {density(Number(attested.density ?? 0))}</dd></div> : null}
        <div class="wide"><dt>Hash</dt><dd><code>{picture?.hash}</code></dd></div>
      </dl>
    </dialog>
  );
}
