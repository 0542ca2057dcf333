// Adam (Kingma and Ba 2015, algorithm 1) on rows of a table, by the arithmetic of trainer/model/optimizers/adam.ts to
// the bit: float64 between weights and moments in float32, and no multiply-add is fused.
import { touched } from "./lists";

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;

/** Rows that are taken from memory at once. */
const BLOCK: usize = 16;

/**
 * A step of `count` rows, those numbered in `rows` (i32), of values, m and v, each [V, width]. `gradients` [count,
 * width], in the order of `rows`; `decay` times the row is added to them, and `scale` multiplies the sum. It may
 * overwrite the four bytes at `scratch`.
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
  scratch: usize,
): void {
  const bytes: usize = 4 * width;
  // A row's way from memory takes as long as its step does: those of some rows are taken at once.
  for (let i: usize = 0; i < count; i += BLOCK) {
    const end = rows + 4 * min(BLOCK, count - i);
    let read: u32 = 0;
    for (let at = rows; at < end; at += 4) {
      const row = bytes * <usize>load<u32>(at);
      read |= touched(values + row, bytes) | touched(m + row, bytes) | touched(v + row, bytes);
    }
    store<u32>(scratch, read);
    for (; rows < end; rows += 4, gradients += bytes) {
      const row = bytes * <usize>load<u32>(rows);
      adamRow(values + row, m + row, v + row, width, gradients, rate, epsilon, scale, decay);
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
