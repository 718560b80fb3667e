// The Pareto front of accuracy against density: points that no other beats in both.
export interface Point {
  x: number;  // density, less is better
  y: number;  // metric, more is better
}

// Indices of the front in ascending x. Of equal points the first is kept.
export function paretoFront(points: readonly Point[]): number[] {
  const order = points.map((_, index) => index);
  order.sort((a, b) => points[a]!.x - points[b]!.x || points[b]!.y - points[a]!.y || a - b);
  const front: number[] = [];
  let best = -Infinity;
  for (const index of order) {
    if (points[index]!.y <= best) continue;
    best = points[index]!.y;
    front.push(index);
  }
  return front;
}
