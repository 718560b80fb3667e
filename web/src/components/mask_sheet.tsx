// The plan as a sheet: layers down, heads across, a small picture each. The arrow keys walk over it,
// and what is under the pointer or the focus is said below.
import {useEffect, useMemo, useRef, useState} from 'preact/hooks';
import type {MaskPictureJson, MaskRowJson, TrialMaskJson} from '../api';
import {count, density, int} from '../logic/format';
import {thumbnail} from '../logic/mask';

const kThumbnail = 128;  // points on a side

export interface Place {
  layer: number;
  head: number;
}
export const title = ({layer, head}: Place): string => `Layer ${layer}, head ${head}`;

export function rgb(name: string): [number, number, number] {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim().slice(1);
  return [0, 2, 4].map((k) => Number.parseInt(hex.slice(k, k + 2), 16)) as [number, number, number];
}

// Calls `draw` now and whenever light and dark change places.
export function useDrawing(draw: () => void, inputs: readonly unknown[]): void {
  useEffect(() => {
    draw();
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    return () => scheme.removeEventListener('change', draw);
  }, [...inputs]);
}

function Thumbnail({shares, side}: {shares: Float32Array; side: number}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useDrawing(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    const image = context.createImageData(side, side);
    const [on, off] = [rgb('--mask-on'), rgb('--mask-off')];
    shares.forEach((share, k) => {
      for (let c = 0; c < 3; c += 1) image.data[4 * k + c] = Math.round(off[c]! + (on[c]! - off[c]!) * share);
      image.data[4 * k + 3] = 255;
    });
    context.putImageData(image, 0, 0);
  }, [shares, side]);
  return <canvas ref={canvas} width={side} height={side} aria-hidden="true" />;
}

export interface MaskAt {
  picture: MaskPictureJson | undefined;  // none where the text itself makes the mask
  attested: MaskRowJson | undefined;
}

function sentence(place: Place, {picture, attested}: MaskAt, length: number): string {
  const parts = [title(place)];
  if (picture) parts.push(`${count(int(picture.kept))} of ${count(length * length)} kept`, `density ${density(Number(picture.density ?? 0))}`);
  else parts.push('no picture: see the note');
  if (picture?.emptyRows) parts.push(`${picture.emptyRows} empty rows`);
  if (attested) {
    parts.push(`attested over all examples: path ${attested.path}, ${count(int(attested.kept))} kept, density ${density(Number(attested.density ?? 0))}`);
  }
  return parts.join(' · ');
}

export function MaskSheet(props: {
  mask: TrialMaskJson; bits: readonly Uint8Array[]; at: (place: Place) => MaskAt; indexOf: (place: Place) => number;
  onOpen: (place: Place) => void;
}) {
  const {mask, bits} = props;
  const [length, layers, heads] = [mask.length ?? 0, mask.layers ?? 0, mask.heads ?? 0];
  const [place, setPlace] = useState<Place>({layer: 0, head: 0});
  const table = useRef<HTMLTableElement>(null);
  const thumbnails = useMemo(() => bits.map((one) => thumbnail(one, length, kThumbnail)), [bits, length]);

  const onKey = (event: KeyboardEvent) => {
    const step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[event.key];
    if (!step) return;
    event.preventDefault();
    const next = {
      layer: Math.min(layers - 1, Math.max(0, place.layer + step[0]!)),
      head: Math.min(heads - 1, Math.max(0, place.head + step[1]!)),
    };
    table.current?.querySelector<HTMLElement>(`[data-layer="${next.layer}"][data-head="${next.head}"]`)?.focus();
  };
  const numbers = (n: number) => Array.from({length: n}, (_, k) => k);
  return (
    <>
      <div class="scroll sheet-scroll">
        <table class="sheet" role="grid" aria-label="Masks by layer and head" ref={table} onKeyDown={onKey}
          style={{maxWidth: `${11 * heads + 3.4}rem`, minWidth: `${25 * heads + 20}px`}}>
          <thead>
            <tr>
              <td />
              {numbers(heads).map((head) => <th key={head} scope="col"><span class="word">head </span>{head}</th>)}
            </tr>
          </thead>
          <tbody>
            {numbers(layers).map((layer) => (
              <tr key={layer}>
                <th scope="row"><span class="word">layer </span>{layer}</th>
                {numbers(heads).map((head) => {
                  const here = {layer, head};
                  const {picture, attested} = props.at(here);
                  const small = thumbnails[props.indexOf(here)];
                  return (
                    <td key={head} role="gridcell"><div class="frame">
                      <button type="button" class="mask" data-layer={layer} data-head={head} disabled={!picture}
                        aria-label={sentence(here, {picture, attested}, length)}
                        tabIndex={place.layer === layer && place.head === head ? 0 : -1}
                        onFocus={() => setPlace(here)} onPointerEnter={() => setPlace(here)} onClick={() => props.onOpen(here)}>
                        {small ? <Thumbnail {...small} /> : <span class="no-picture" aria-hidden="true">no picture</span>}
                      </button>
                      <span class="caption" aria-hidden="true">
                        {density(Number((picture ?? attested)?.density ?? 0))}{attested?.path ? <> <span class="path">{attested.path}</span></> : null}
                      </span>
                    </div></td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="readout" aria-hidden="true">{sentence(place, props.at(place), length)}</p>
    </>
  );
}
