// The filter box: words that a row must contain, and conditions such as `w>=1`, `density<0.2`,
// `layers=all`. A condition on a name that the row does not have is searched for as a word.
export interface Filterable {
  text: string;
  values: Record<string, unknown>;
}

const kCondition = /^([A-Za-z_][A-Za-z0-9_]*)(<=|>=|!=|=|<|>)(.+)$/;

export function matches(row: Filterable, filter: string): boolean {
  return filter.trim().split(/\s+/).every((word) => word === '' || matchesWord(row, word));
}

function matchesWord(row: Filterable, word: string): boolean {
  const condition = kCondition.exec(word);
  const name = condition?.[1];
  if (!condition || name === undefined || !(name in row.values)) {
    return row.text.toLowerCase().includes(word.toLowerCase());
  }
  const value = row.values[name];
  const wanted = condition[3]!;
  if (value === null || value === undefined) return false;
  const number = Number(wanted);
  const same = typeof value === 'number' ? value === number : String(value).toLowerCase() === wanted.toLowerCase();
  switch (condition[2]) {
    case '=': return same;
    case '!=': return !same;
    case '<': return Number(value) < number;
    case '<=': return Number(value) <= number;
    case '>': return Number(value) > number;
    default: return Number(value) >= number;
  }
}
