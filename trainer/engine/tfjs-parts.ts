import { type GradConfig, registerGradient } from "@tensorflow/tfjs-core";
import { addGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Add_grad.js";
import { batchMatMulGradConfig } from "@tensorflow/tfjs-core/dist/gradients/BatchMatMul_grad.js";
import { castGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Cast_grad.js";
import { concatGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Concat_grad.js";
import { expGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Exp_grad.js";
import { logGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Log_grad.js";
import { maxGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Max_grad.js";
import { meanGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Mean_grad.js";
import { multiplyGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Multiply_grad.js";
import { reluGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Relu_grad.js";
import { reshapeGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Reshape_grad.js";
import { rsqrtGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Rsqrt_grad.js";
import { sigmoidGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Sigmoid_grad.js";
import { softplusGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Softplus_grad.js";
import { squareGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Square_grad.js";
import { subGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Sub_grad.js";
import { sumGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Sum_grad.js";
import { tanhGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Tanh_grad.js";
import { transposeGradConfig } from "@tensorflow/tfjs-core/dist/gradients/Transpose_grad.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/add.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/clip_by_value.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/div.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/log_sum_exp.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/max.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/mean.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/min.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/mul.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/relu.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/reshape.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/round.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/rsqrt.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/sigmoid.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/slice.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/softplus.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/square.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/sub.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/sum.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/tanh.js";
import "@tensorflow/tfjs-core/dist/public/chained_ops/transpose.js";

// What the models need beside tfjs-core's own entry. Each chained method, as in `x.add(y)`, is registered by its
// import, which brings its type too: a method that is missing above does not compile. Training throws "gradient
// function not found" for an operation whose gradient is missing below.

const GRADIENTS: readonly GradConfig[] = [
  addGradConfig,
  batchMatMulGradConfig,
  castGradConfig,
  concatGradConfig,
  expGradConfig,
  logGradConfig,
  maxGradConfig,
  meanGradConfig,
  multiplyGradConfig,
  reluGradConfig,
  reshapeGradConfig,
  rsqrtGradConfig,
  sigmoidGradConfig,
  softplusGradConfig,
  squareGradConfig,
  subGradConfig,
  sumGradConfig,
  tanhGradConfig,
  transposeGradConfig,
];

for (const gradient of GRADIENTS) registerGradient(gradient);
