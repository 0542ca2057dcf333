// Adam (Kingma and Ba 2015, algorithm 1) on rows of a table, by the arithmetic of trainer/model/optimizers/adam.ts to
// the bit: float64 between weights and moments in float32, and no multiply-add is fused.
import { f32_copy } from "./lists";

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;

/** Rows that are copied at a time. */
const BLOCK: usize = 16;

/**
 * A step of `count` rows, those numbered in `rows` (i32), of values, m and v, each [V, width]. `gradients` [count,
 * width], in the order of `rows`; `decay` times the row is added to them, and `scale` multiplies the sum. There are
 * `room` bytes at `own` to overwrite.
 */
export function adamRows(
  values: usize,
  m: usize,
  v: usize,
  rows: usize,
  count: usize,
  width: usize,
  gradients: usize,
  rate: f64,
  epsilon: f64,
  scale: f64,
  decay: f64,
  own: usize,
  room: usize,
): void {
  const bytes: usize = 4 * width;
  // A few rows at a time are copied to one place, so that their ways from memory, which takes a hundred times as long
  // as the caches, are taken at once and not one after the other.
  const most = min<usize>(BLOCK, room / (3 * bytes));
  if (most === 0) {
    for (let i: usize = 0; i < count; i++, gradients += bytes) {
      const at = bytes * <usize>load<u32>(rows + 4 * i);
      adamRow(values + at, m + at, v + at, width, gradients, rate, epsilon, scale, decay);
    }
    return;
  }
  const ms = own + most * bytes;
  const vs = ms + most * bytes;
  for (let i: usize = 0; i < count; i += most) {
    const block = min(most, count - i);
    for (let j: usize = 0; j < block; j++) {
      const at = bytes * <usize>load<u32>(rows + 4 * (i + j));
      f32_copy(values + at, own + j * bytes, width);
      f32_copy(m + at, ms + j * bytes, width);
      f32_copy(v + at, vs + j * bytes, width);
    }
    adamRow(own, ms, vs, block * width, gradients, rate, epsilon, scale, decay);
    gradients += block * bytes;
    for (let j: usize = 0; j < block; j++) {
      const at = bytes * <usize>load<u32>(rows + 4 * (i + j));
      f32_copy(own + j * bytes, values + at, width);
      f32_copy(ms + j * bytes, m + at, width);
      f32_copy(vs + j * bytes, v + at, width);
    }
  }
}

/** A step of a row, or of a part of one. */
export function adamRow(
  values: usize,
  m: usize,
  v: usize,
  width: usize,
  gradients: usize,
  rate: f64,
  epsilon: f64,
  scale: f64,
  decay: f64,
): void {
  const bytes: usize = 4 * width;
  let j: usize = 0;
  if (ASC_FEATURE_SIMD)
    for (const pairs = bytes & ~7; j < pairs; j += 8)
      adam__simd(values + j, m + j, v + j, gradients + j, rate, epsilon, scale, decay);
  for (; j < bytes; j += 4) adam__scalar(values + j, m + j, v + j, gradients + j, rate, epsilon, scale, decay);
}

function adam__scalar(
  value: usize,
  m: usize,
  v: usize,
  gradient: usize,
  rate: f64,
  epsilon: f64,
  scale: f64,
  decay: f64,
): void {
  const w = <f64>load<f32>(value);
  const g = (<f64>load<f32>(gradient) + decay * w) * scale;
  const mi = BETA1 * <f64>load<f32>(m) + (1 - BETA1) * g;
  const vi = BETA2 * <f64>load<f32>(v) + (1 - BETA2) * g * g;
  store<f32>(m, <f32>mi);
  store<f32>(v, <f32>vi);
  store<f32>(value, <f32>(w - (rate * mi) / (sqrt<f64>(vi) + epsilon)));
}

/** Two weights. */
function adam__simd(
  value: usize,
  m: usize,
  v: usize,
  gradient: usize,
  rate: f64,
  epsilon: f64,
  scale: f64,
  decay: f64,
): void {
  const w = promoted(value);
  const g = f64x2.mul(f64x2.add(promoted(gradient), f64x2.mul(f64x2.splat(decay), w)), f64x2.splat(scale));
  const mi = f64x2.add(f64x2.mul(f64x2.splat(BETA1), promoted(m)), f64x2.mul(f64x2.splat(1 - BETA1), g));
  const squares = f64x2.mul(f64x2.mul(f64x2.splat(1 - BETA2), g), g);
  const vi = f64x2.add(f64x2.mul(f64x2.splat(BETA2), promoted(v)), squares);
  storeDemoted(m, mi);
  storeDemoted(v, vi);
  const step = f64x2.div(f64x2.mul(f64x2.splat(rate), mi), f64x2.add(f64x2.sqrt(vi), f64x2.splat(epsilon)));
  storeDemoted(value, f64x2.sub(w, step));
}

/** Two float32 as float64. */
function promoted(from: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(from));
}

function storeDemoted(to: usize, x: v128): void {
  v128.store64_lane(to, f32x4.demote_f64x2_zero(x), 0);
}
