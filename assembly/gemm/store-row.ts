/**
 * One row of a tile: C[0, 8) = `left` and `right`, or += them if `accumulate`. `c`: the address of its first element.
 */
export function storeRow(c: usize, left: v128, right: v128, accumulate: bool): void {
  if (accumulate) {
    left = f32x4.add(left, v128.load(c, 0));
    right = f32x4.add(right, v128.load(c, 16));
  }
  v128.store(c, left, 0);
  v128.store(c, right, 16);
}
