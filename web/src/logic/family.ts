// Which family a plan belongs to, and how that family is drawn everywhere: a colour (Okabe-Ito) and
// a shape. `text`: syntax and lexical; `learned`: learned degrees. Filled: the plan covers all layers and heads; outlined: only some.
export type Shape = 'star' | 'cross' | 'circle' | 'triangle' | 'diamond' | 'square' | 'hexagon' | 'down' | 'left' | 'right';
export interface Family {
  name: string;
  color: string;  // a CSS variable, so that light and dark may differ
  shape: Shape;
}

const kFamilies: Family[] = [
  {name: 'dense', color: '--fam-dense', shape: 'star'},
  {name: 'self', color: '--fam-self', shape: 'cross'},
  {name: 'window', color: '--fam-window', shape: 'circle'},
  {name: 'global', color: '--fam-global', shape: 'triangle'},
  {name: 'random', color: '--fam-random', shape: 'diamond'},
  {name: 'block', color: '--fam-block', shape: 'square'},
  {name: 'text', color: '--fam-text', shape: 'left'},
  {name: 'learned', color: '--fam-learned', shape: 'right'},
  {name: 'mixed', color: '--fam-mixed', shape: 'hexagon'},
  {name: 'other', color: '--fam-other', shape: 'down'},
];
const byName = new Map(kFamilies.map((family) => [family.name, family]));

export const families = (): readonly Family[] => kFamilies;

const kAliases: Record<string, string> = {
  blockbert: 'block', longformer: 'mixed', bigbird: 'mixed', bigbird_block: 'mixed',
  syntax: 'text', lexical: 'text', learned_window: 'learned', adaptive_span: 'learned',
};
const kScope = /^\s*(?:(?:all|first\s+\d+|last\s+\d+|layers?\s+[\d,\s-]+)?\s*(?:heads?\s+[\d,\s-]+)?)\s*:/;

export function familyOf(canonical: string): Family {
  const names = new Set<string>();
  for (const rule of canonical.split(';')) {
    const pattern = rule.replace(kScope, '').trim();
    // Names of patterns: arguments do not count, and `self` only where it stands alone.
    const bare = pattern.replace(/([a-z_]+)\s*\([^()]*\)/g, '$1');
    for (const [name] of bare.matchAll(/[a-z_]+/g)) {
      if (name !== 'self' || bare === 'self') names.add(kAliases[name] ?? name);
    }
  }
  const [only] = names;
  const name = names.size === 1 && only !== undefined ? only : 'mixed';
  return byName.get(name) ?? byName.get('other')!;
}

// Whether a rule names some layers or heads only.
export const isPartial = (canonical: string): boolean =>
  canonical.split(';').some((rule) => kScope.test(rule) && !/^\s*all\s*:/.test(rule));

// The outline of a shape of radius r around (x, y), as SVG path data.
export function shapePath(shape: Shape, x: number, y: number, r: number): string {
  const polygon = (corners: number, turn: number, radius: (k: number) => number) =>
    `M${Array.from({length: corners}, (_, k) => {
      const angle = turn + (2 * Math.PI * k) / corners;
      return `${(x + radius(k) * Math.sin(angle)).toFixed(2)} ${(y - radius(k) * Math.cos(angle)).toFixed(2)}`;
    }).join('L')}Z`;
  switch (shape) {
    case 'circle': return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
    case 'triangle': return polygon(3, 0, () => 1.25 * r);
    case 'down': return polygon(3, Math.PI, () => 1.25 * r);
    case 'left': return polygon(3, -Math.PI / 2, () => 1.25 * r);
    case 'right': return polygon(3, Math.PI / 2, () => 1.25 * r);
    case 'diamond': return polygon(4, 0, () => 1.25 * r);
    case 'square': return polygon(4, Math.PI / 4, () => 1.25 * r);
    case 'hexagon': return polygon(6, 0, () => 1.1 * r);
    case 'star': return polygon(10, 0, (k) => (k % 2 === 0 ? 1.5 * r : 0.65 * r));
    case 'cross': {
      const a = 0.4 * r;
      const b = 1.1 * r;
      return `M${x - a} ${y - b}h${2 * a}v${b - a}h${b - a}v${2 * a}h${a - b}v${b - a}h${-2 * a}v${a - b}h${a - b}v${-2 * a}h${b - a}Z`;
    }
  }
}
