// What a hidden layer does besides its matrix products: bias or BatchNorm, activation and dropout, and their gradients.
// Matrices are [rows, n], in row-major order; an address of 0 stands for what a layer does not have.
import { ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_TANH } from "../../format/constants";
import { f32_activate__scalar, f32_activate__simd } from "../score/activation";
import { keep__scalar, keep__simd } from "./dropout";

/**
 * x = activation(γ·ẑ + bias) · keep. `z` [rows, n] holds ẑ, and may be `x`. `gamma` [n]: 0 for a layer without
 * BatchNorm, whose ẑ is the layer's product. `bytes` [rows, n]: dropout's, as in dropout.ts, or 0. Returns how many
 * numbers of x are not 0.
 */
export function layerForward(
  z: usize,
  gamma: usize,
  bias: usize,
  bytes: usize,
  x: usize,
  rows: usize,
  n: usize,
  activation: u32,
  dropped: u32,
  scale: f32,
): u32 {
  const length: usize = 4 * n;
  let left: u32 = 0;
  for (let row: usize = 0; row < rows; row++) {
    let i: usize = 0;
    if (ASC_FEATURE_SIMD) {
      let zeros = i32x4.splat(0);
      for (const vectors = length & ~15; i < vectors; i += 16) {
        let v = v128.load(z + i);
        if (gamma) v = f32x4.mul(v, v128.load(gamma + i));
        v = f32_activate__simd(f32x4.add(v, v128.load(bias + i)), activation);
        if (bytes) v = f32x4.mul(v, keep__simd(bytes + (i >> 2), dropped, scale));
        v128.store(x + i, v);
        zeros = i32x4.add(zeros, f32x4.eq(v, f32x4.splat(0)));
      }
      // A comparison that holds is −1.
      left +=
        <u32>(i >> 2) +
        i32x4.extract_lane(zeros, 0) +
        i32x4.extract_lane(zeros, 1) +
        i32x4.extract_lane(zeros, 2) +
        i32x4.extract_lane(zeros, 3);
    }
    for (; i < length; i += 4) {
      let v = load<f32>(z + i);
      if (gamma) v *= load<f32>(gamma + i);
      v = f32_activate__scalar(v + load<f32>(bias + i), activation);
      if (bytes) v *= keep__scalar(bytes + (i >> 2), dropped, scale);
      store<f32>(x + i, v);
      left += v !== 0 ? 1 : 0;
    }
    z += length;
    x += length;
    if (bytes) bytes += n;
  }
  return left;
}

/**
 * The gradient of `layerForward`: `d` [rows, n] holds that of x, and gets that of γ·ẑ + bias. dBias [n] = Σ d over the
 * rows; with BatchNorm, dGamma [n] = Σ d · ẑ, for `z` [rows, n] = ẑ. `x` [rows, n] is what the layer put out.
 */
export function layerBackward(
  d: usize,
  x: usize,
  bytes: usize,
  z: usize,
  dBias: usize,
  dGamma: usize,
  rows: usize,
  n: usize,
  activation: u32,
  dropped: u32,
  scale: f32,
): void {
  const length: usize = 4 * n;
  const unscale: f32 = 1.0 / scale;
  memory.fill(dBias, 0, length);
  if (z) memory.fill(dGamma, 0, length);
  for (let row: usize = 0; row < rows; row++) {
    let i: usize = 0;
    if (ASC_FEATURE_SIMD) {
      for (const vectors = length & ~15; i < vectors; i += 16) {
        let g = v128.load(d + i);
        let y = v128.load(x + i);
        if (bytes) {
          g = f32x4.mul(g, keep__simd(bytes + (i >> 2), dropped, scale));
          y = f32x4.mul(y, f32x4.splat(unscale));
        }
        g = slope__simd(g, y, activation);
        v128.store(d + i, g);
        v128.store(dBias + i, f32x4.add(v128.load(dBias + i), g));
        if (z) v128.store(dGamma + i, f32x4.add(v128.load(dGamma + i), f32x4.mul(g, v128.load(z + i))));
      }
    }
    for (; i < length; i += 4) {
      let g = load<f32>(d + i);
      let y = load<f32>(x + i);
      if (bytes) {
        g *= keep__scalar(bytes + (i >> 2), dropped, scale);
        y *= unscale;
      }
      g = slope__scalar(g, y, activation);
      store<f32>(d + i, g);
      store<f32>(dBias + i, load<f32>(dBias + i) + g);
      if (z) store<f32>(dGamma + i, load<f32>(dGamma + i) + g * load<f32>(z + i));
    }
    d += length;
    x += length;
    if (bytes) bytes += n;
    if (z) z += length;
  }
}

/** g times the activation's slope where its value is y. */
function slope__scalar(g: f32, y: f32, activation: u32): f32 {
  if (activation === ACTIVATION_RELU) return y > 0 ? g : 0;
  if (activation === ACTIVATION_NONE) return g;
  return activation === ACTIVATION_TANH ? g * (1 - y * y) : g * (y * (1 - y));
}

function slope__simd(g: v128, y: v128, activation: u32): v128 {
  if (activation === ACTIVATION_RELU) return v128.and(g, f32x4.gt(y, f32x4.splat(0)));
  if (activation === ACTIVATION_NONE) return g;
  const one = f32x4.splat(1);
  if (activation === ACTIVATION_TANH) return f32x4.mul(g, f32x4.sub(one, f32x4.mul(y, y)));
  return f32x4.mul(g, f32x4.mul(y, f32x4.sub(one, y)));
}
