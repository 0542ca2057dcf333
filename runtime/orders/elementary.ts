// Logarithm and exponential by sums, products and quotients alone, which IEEE 754 and so every JavaScript engine round
// alike. Math.log and Math.exp may differ from one engine to the next, and do: of 200,000 numbers, Node 24 and workerd
// disagree about some in the last bit. A log line has to replay to the same bits in both.
//
// The algorithms are those of FDLIBM (Sun Microsystems 1993, "Freely Distributable LIBM", e_log.c and e_exp.c), whose
// comments prove errors below 1 ulp.

const LN2_HIGH = 0.6931471803691238; // 32 bits of ln 2, so that its product with an exponent is exact
const LN2_LOW = 1.9082149292705877e-10;

// The Remez polynomial of (ln((1 + s)/(1 − s)) − 2s)/s in s², error 2^−58.45. Both polynomials are written out where
// they are computed: a loop over an array of coefficients took three times as long.
const LOG_0 = 0.6666666666666735;
const LOG_1 = 0.3999999999940942;
const LOG_2 = 0.2857142874366239;
const LOG_3 = 0.22222198432149784;
const LOG_4 = 0.1818357216161805;
const LOG_5 = 0.15313837699209373;
const LOG_6 = 0.14798198605116586;

// That of r − r(e^r + 1)/(e^r − 1) + 2 in r², without its first terms, error 2^−59.
const EXP_0 = 0.16666666666666602;
const EXP_1 = -0.0027777777777015593;
const EXP_2 = 6.613756321437934e-5;
const EXP_3 = -1.6533902205465252e-6;
const EXP_4 = 4.1381367970572385e-8;

/** The high word of √½: mantissas are taken from √½ to √2. */
const HIGH_OF_SQRT_HALF = 0x3fe6a09e;
const HIGH_OF_ONE = 0x3ff00000;
const TWO_54 = 2 ** 54;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
const HIGH = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** ln x; −∞ of 0, and NaN below it. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  // A subnormal number has its exponent elsewhere.
  if (x < Number.MIN_VALUE * TWO_54) return log(x * TWO_54) - 54 * LN2_HIGH - 54 * LN2_LOW;
  float[0] = x;
  // x = 2^exponent · (1 + f), with 1 + f from √½ to √2
  const exponent = ((words[HIGH] - HIGH_OF_SQRT_HALF) >> 20) | 0;
  words[HIGH] -= exponent << 20;
  const f = float[0] - 1;
  const s = f / (2 + f);
  const square = f * f * 0.5;
  const z = s * s;
  const polynomial = (((((LOG_6 * z + LOG_5) * z + LOG_4) * z + LOG_3) * z + LOG_2) * z + LOG_1) * z + LOG_0;
  const r = polynomial * s * s;
  return exponent * LN2_HIGH - (square - (s * (square + r) + exponent * LN2_LOW) - f);
}

/** e^x */
export function exp(x: number): number {
  if (Number.isNaN(x) || x > 709.782712893384) return x > 0 ? Number.POSITIVE_INFINITY : x;
  if (x < -745.1332191019411) return 0;
  const k = Math.round(x * Math.LOG2E);
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low;
  const z = r * r;
  const c = r - r * r * ((((EXP_4 * z + EXP_3) * z + EXP_2) * z + EXP_1) * z + EXP_0);
  const y = 1 - (low - (r * c) / (2 - c) - high);
  // Two steps, where 2^k itself is no normal number.
  return k < -1000
    ? y * powerOfTwo(k + 1000) * powerOfTwo(-1000)
    : k > 1000
      ? y * 2 * powerOfTwo(k - 1)
      : y * powerOfTwo(k);
}

/** ln(1 + x), x ≥ 0: with the digits of x that 1 + x has not (Kahan; HP-15C Advanced Functions Handbook, appendix). */
export function log1p(x: number): number {
  const sum = 1 + x;
  return sum === Number.POSITIVE_INFINITY ? sum : log(sum) - (sum - 1 - x) / sum;
}

function powerOfTwo(k: number): number {
  words[HIGH] = HIGH_OF_ONE + k * 2 ** 20;
  words[1 - HIGH] = 0;
  return float[0];
}
