// Mask rows of the API: hex, two digits a byte, least significant bit first within each byte.
export function maskBits(rows: readonly string[], length: number): Uint8Array {
  const bits = new Uint8Array(length * length);
  rows.forEach((row, query) => {
    for (let keyIndex = 0; keyIndex < length; keyIndex += 1) {
      const byte = Number.parseInt(row.slice(2 * (keyIndex >> 3), 2 * (keyIndex >> 3) + 2), 16);
      bits[query * length + keyIndex] = (byte >> (keyIndex & 7)) & 1;
    }
  });
  return bits;
}

// A picture of at most `size` x `size` points: each is the share of kept entries in its square of the
// mask, so that thin lines of a long text grow faint and do not vanish. Short masks stay as they are.
export function thumbnail(bits: Uint8Array, length: number, size: number): {side: number; shares: Float32Array} {
  const block = Math.ceil(length / size);
  const side = Math.ceil(length / block);
  const shares = new Float32Array(side * side);
  for (let row = 0; row < side; row += 1) {
    for (let column = 0; column < side; column += 1) {
      let kept = 0;
      let entries = 0;
      for (let i = row * block; i < Math.min(length, (row + 1) * block); i += 1) {
        for (let j = column * block; j < Math.min(length, (column + 1) * block); j += 1) {
          kept += bits[i * length + j]!;
          entries += 1;
        }
      }
      shares[row * side + column] = kept / entries;
    }
  }
  return {side, shares};
}

// How many keys a query keeps.
export function degreeOf(bits: Uint8Array, length: number, row: number): number {
  let degree = 0;
  for (let column = 0; column < length; column += 1) degree += bits[row * length + column]!;
  return degree;
}
