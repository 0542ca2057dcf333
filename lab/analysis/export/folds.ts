/** Which of so many folds a unit is in, from 0 on. `unit`: its hash, 16 hex digits, as lines have it. */
export function foldOf(unit: string, folds: number): number {
  return Number.parseInt(unit.slice(-8), 16) % folds;
}
