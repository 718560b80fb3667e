// The Pareto front of a metric against density: points that no other beats in both.
export interface Point {
  x: number;  // density, less is better
  y: number;  // metric
}

// Indices of the front in ascending x. Of equal points the first is kept.
export function paretoFront(points: readonly Point[], lowerIsBetter = false): number[] {
  const good = (index: number) => (lowerIsBetter ? -points[index]!.y : points[index]!.y);
  const order = points.map((_, index) => index);
  order.sort((a, b) => points[a]!.x - points[b]!.x || good(b) - good(a) || a - b);
  const front: number[] = [];
  let best = -Infinity;
  for (const index of order) {
    if (good(index) <= best) continue;
    best = good(index);
    front.push(index);
  }
  return front;
}
