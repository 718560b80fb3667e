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
