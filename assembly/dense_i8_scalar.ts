// y = activation(scale ∘ (W·q) + bias), int8 weights in tiles [N/4][K/4][4 outputs][4 inputs], u7 inputs q, i32 sums.
import { PAD_INPUTS, TILE_OUTPUTS } from "../format/constants";
import { activate_scalar } from "./activation";
import {
  activationOf,
  biasesOf,
  inputsOf,
  inverseScale,
  isInt8,
  outputsOf,
  scalesOf,
  weightsOf,
  zeroPoint,
} from "./layers";
import { storeU7_scalar } from "./quantise";

/** See dense.ts. The twin of dense_i8_simd and dense_i8_relaxed: the same bits. */
export function dense_i8_scalar(
  layer: usize,
  next: usize,
  input: usize,
  inputBytes: u32,
  output: usize,
  outputBytes: u32,
  records: u32,
): void {
  const inputs = inputsOf(layer);
  const outputs = outputsOf(layer);
  const activation = activationOf(layer);
  const toU7 = isInt8(next);
  const inverse = toU7 ? inverseScale(next) : 0;
  const zero = toU7 ? zeroPoint(next) : 0;
  for (let r: u32 = 0; r < records; r++) {
    for (let n: u32 = 0; n < outputs; n++) {
      const tile = n & ~(TILE_OUTPUTS - 1);
      let weights = weightsOf(layer) + tile * inputs + (n - tile) * PAD_INPUTS;
      const end = input + inputs;
      let sum: i32 = 0;
      for (let at = input; at < end; at += PAD_INPUTS) {
        sum += <i32>load<i8>(weights) * <i32>load<u8>(at);
        sum += <i32>load<i8>(weights, 1) * <i32>load<u8>(at, 1);
        sum += <i32>load<i8>(weights, 2) * <i32>load<u8>(at, 2);
        sum += <i32>load<i8>(weights, 3) * <i32>load<u8>(at, 3);
        weights += TILE_OUTPUTS * PAD_INPUTS;
      }
      const y = <f32>sum * load<f32>(scalesOf(layer) + 4 * n) + load<f32>(biasesOf(layer) + 4 * n);
      const a = activate_scalar(y, activation);
      if (toU7) storeU7_scalar(output + n, a, inverse, zero);
      else store<f32>(output + 4 * n, a);
    }
    input += inputBytes;
    output += outputBytes;
  }
}
