// e^x with the same roundings in every variant: x = n·ln 2 + r with |r| ≤ ½·ln 2, so e^x = 2ⁿ · e^r. Reduction and
// polynomial are those of Cephes' expf (Moshier, "Methods and Programs for Mathematical Functions", 1989). No
// multiply-add is fused.

// Outside these bounds e^x is no normal number; inside them n is in −126 … 127.
const LOWEST: f32 = -87.3;
const HIGHEST: f32 = 88;

const LOG2_E: f32 = Mathf.LOG2E;
// ln 2 as a sum of two numbers, the first of which has so few bits that n · LN2_HIGH is exact.
const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.1219444e-4;
// e^r ≈ 1 + r + r² · (((((C5·r + C4)·r + C3)·r + C2)·r + C1)·r + C0)
const C0: f32 = 5.0000001201e-1;
const C1: f32 = 1.6666665459e-1;
const C2: f32 = 4.1665795894e-2;
const C3: f32 = 8.3334519073e-3;
const C4: f32 = 1.3981999507e-3;
const C5: f32 = 1.98756915e-4;

/** e^x, within 2 ULP for x in −87.3 … 88. Outside, its value at the nearer end; for NaN, NaN. */
export function f32_exp__scalar(x: f32): f32 {
  const inside = min<f32>(max<f32>(x, LOWEST), HIGHEST);
  const n = nearest<f32>(inside * LOG2_E);
  const r = inside - n * LN2_HIGH - n * LN2_LOW;
  const p = ((((C5 * r + C4) * r + C3) * r + C2) * r + C1) * r + C0;
  return (p * (r * r) + r + 1) * reinterpret<f32>((<i32>n + 127) << 23);
}

/** e^x of four numbers, as `f32_exp__scalar`. */
export function f32_exp__simd(x: v128): v128 {
  const inside = f32x4.min(f32x4.max(x, f32x4.splat(LOWEST)), f32x4.splat(HIGHEST));
  const n = f32x4.nearest(f32x4.mul(inside, f32x4.splat(LOG2_E)));
  const high = f32x4.sub(inside, f32x4.mul(n, f32x4.splat(LN2_HIGH)));
  const r = f32x4.sub(high, f32x4.mul(n, f32x4.splat(LN2_LOW)));
  let p = hornerStep(f32x4.splat(C5), r, C4);
  p = hornerStep(p, r, C3);
  p = hornerStep(p, r, C2);
  p = hornerStep(p, r, C1);
  p = hornerStep(p, r, C0);
  const y = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return f32x4.mul(y, power);
}

/** p · x + c, one step of Horner's rule. */
export function hornerStep(p: v128, x: v128, c: f32): v128 {
  return f32x4.add(f32x4.mul(p, x), f32x4.splat(c));
}
