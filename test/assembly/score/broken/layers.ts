// Blobs whose layer entries or DENSE break a rule.
import * as c from "../../../../format/constants.ts";
import * as abi from "../../../../runtime/abi.ts";
import { GOOD_PRODUCTS, GOOD_TOWERS } from "../good-blobs.ts";
import { add, all, type BrokenBlob, broken, f32, LAYER_0, LAYER_1, LAYER_2, placeOf, u8, u32 } from "./edits.ts";

export const BROKEN_LAYERS: readonly BrokenBlob[] = [
  ...broken(abi.LOAD_BAD_LAYER, c.SECTION_MODEL, {
    "a first layer with other inputs than F·k": add(LAYER_0 + c.LAYER_INPUTS, 1),
    "a layer with other inputs than the outputs before": add(LAYER_1 + c.LAYER_INPUTS, -1),
    "a layer without outputs": u32(LAYER_1 + c.LAYER_OUTPUTS, 0),
    "a layer with too many outputs": u32(LAYER_1 + c.LAYER_OUTPUTS, c.MAX_LAYER_WIDTH + 1),
    "a layer with more outputs than DENSE has weights": u32(LAYER_1 + c.LAYER_OUTPUTS, c.MAX_LAYER_WIDTH),
    "a layer without outputs before one without inputs": all(
      u32(LAYER_0 + c.LAYER_OUTPUTS, 0),
      u32(LAYER_1 + c.LAYER_INPUTS, 0),
    ),
    "an unknown weight type": u32(LAYER_1 + c.LAYER_WEIGHT_TYPE, 2),
    "an MLP's layer without activation": u32(LAYER_0 + c.LAYER_ACTIVATION, c.ACTIVATION_NONE),
    "an MLP's last layer without activation": u32(LAYER_1 + c.LAYER_ACTIVATION, c.ACTIVATION_NONE),
    "an unknown activation": u32(LAYER_0 + c.LAYER_ACTIVATION, 4),
    "weights that are not aligned": add(LAYER_0 + c.LAYER_WEIGHTS, 16),
    "weights beyond DENSE": add(LAYER_0 + c.LAYER_WEIGHTS, 2 ** 20),
    "weights whose end wraps": u32(LAYER_0 + c.LAYER_WEIGHTS, 2 ** 32 - 64),
    "scales that are not aligned": add(LAYER_0 + c.LAYER_SCALES, 4),
    "scales whose end wraps": u32(LAYER_0 + c.LAYER_SCALES, 2 ** 32 - 64),
    "biases that are not aligned": add(LAYER_0 + c.LAYER_BIASES, 4),
    "biases beyond DENSE": add(LAYER_1 + c.LAYER_BIASES, 2 ** 20),
    "f32 weights beyond DENSE": add(LAYER_1 + c.LAYER_WEIGHTS, 2 ** 20),
    "scales in the weights": u32(LAYER_0 + c.LAYER_SCALES, 0),
    "biases in the scales": u32(LAYER_0 + c.LAYER_BIASES, placeOf(LAYER_0 + c.LAYER_SCALES)),
    "a layer that begins in the one before": u32(LAYER_1 + c.LAYER_WEIGHTS, placeOf(LAYER_0 + c.LAYER_BIASES)),
    "output weights in the last layer": u32(c.MODEL_OUTPUT_WEIGHTS, placeOf(LAYER_1 + c.LAYER_BIASES)),
    "an input scale that is NaN": f32(LAYER_0 + c.LAYER_INPUT_INVERSE_SCALE, Number.NaN),
    "an infinite zero point": f32(LAYER_0 + c.LAYER_INPUT_ZERO, Number.POSITIVE_INFINITY),
    "an output unit of another width": u32(c.MODEL_OUTPUT_WIDTH, 7),
    "output weights that are not aligned": add(c.MODEL_OUTPUT_WEIGHTS, 4),
    "output weights beyond DENSE": add(c.MODEL_OUTPUT_WEIGHTS, 2 ** 20),
  }),
  ...broken(
    abi.LOAD_BAD_LAYER,
    c.SECTION_MODEL,
    {
      "a first layer without the products": u32(LAYER_0 + c.LAYER_INPUTS, 12),
      "a first layer with the inner products alone": u32(LAYER_0 + c.LAYER_INPUTS, 15),
      "a first layer of the whole rows": u32(LAYER_0 + c.LAYER_INPUTS, 28),
    },
    GOOD_PRODUCTS,
  ),
  ...broken(
    abi.LOAD_BAD_LAYER,
    c.SECTION_MODEL,
    {
      "a context tower that takes the item's fields": u32(LAYER_0 + c.LAYER_INPUTS, 10),
      "an item tower that takes the context tower": u32(LAYER_2 + c.LAYER_INPUTS, 5),
      "a tower's hidden layer without activation": u32(LAYER_0 + c.LAYER_ACTIVATION, c.ACTIVATION_NONE),
      "a context tower that ends in an activation": u32(LAYER_1 + c.LAYER_ACTIVATION, c.ACTIVATION_TANH),
      "an item tower that ends in an activation": u32(LAYER_2 + c.LAYER_ACTIVATION, c.ACTIVATION_RELU),
      "a context tower of another width than its vectors": u32(LAYER_1 + c.LAYER_OUTPUTS, 4),
      "an item tower of another width than its vectors": u32(LAYER_2 + c.LAYER_OUTPUTS, 6),
      "towers that share their layers otherwise": all(u32(c.MODEL_CONTEXT_LAYERS, 1), u32(c.MODEL_ITEM_LAYERS, 2)),
    },
    GOOD_TOWERS,
  ),
  ...broken(abi.LOAD_BAD_LAYER, c.SECTION_DENSE, {
    "a scale that is infinite": f32(placeOf(LAYER_0 + c.LAYER_SCALES), Number.POSITIVE_INFINITY),
    "a bias that is NaN": f32(placeOf(LAYER_0 + c.LAYER_BIASES) + 32, Number.NaN),
    "an int8 weight of an output that is padding": u8(placeOf(LAYER_0 + c.LAYER_WEIGHTS) + 8 * 16 + 4, 1),
    "an int8 weight of an input that is padding": u8(placeOf(LAYER_0 + c.LAYER_WEIGHTS) + 3 * 16 + 3, 1),
    "a scale that is padding": f32(placeOf(LAYER_0 + c.LAYER_SCALES) + 36, 1),
    "an f32 weight of an input that is padding": f32(placeOf(LAYER_1 + c.LAYER_WEIGHTS) + 9 * 16 + 4, 1),
    "a bias that is padding": f32(placeOf(LAYER_0 + c.LAYER_BIASES) + 60, -1),
    "a NaN where a bias is padded": f32(placeOf(LAYER_0 + c.LAYER_BIASES) + 60, Number.NaN),
    "weights that add up to 259 in a lane": all(...[127, 127, 5, 0].map((w, i) => u8(lane(i), w))),
    "weights that add up to -259 in a lane": all(...[-128, 0, -128, -3].map((w, i) => u8(lane(i), w & 0xff))),
    "an f32 weight that is NaN": f32(placeOf(LAYER_1 + c.LAYER_WEIGHTS) + 4, Number.NaN),
    "an output weight that is infinite": f32(placeOf(c.MODEL_OUTPUT_WEIGHTS) + 28, Number.NEGATIVE_INFINITY),
  }).map(({ name, ...rest }) => ({ name: `${name} (DENSE)`, ...rest })),
  ...broken(
    abi.LOAD_BAD_LAYER,
    c.SECTION_DENSE,
    { "an output weight that is padding": f32(placeOf(c.MODEL_OUTPUT_WEIGHTS, GOOD_PRODUCTS) + 36, 1) },
    GOOD_PRODUCTS,
  ),
];

/** The address of weight i, 0 to 3, of output 5 in the second lane of words 2 and 3 of layer 0's inputs. */
function lane(i: number): number {
  const words = 4;
  const [tile, output] = [1, 1];
  return placeOf(LAYER_0 + c.LAYER_WEIGHTS) + 16 * (words * tile + 2 + (i >> 1)) + 4 * output + 2 + (i & 1);
}
