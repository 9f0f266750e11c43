// Special functions of one number: of the normal distribution, gamma and Bessel functions.

const ROOT_PI = Math.sqrt(Math.PI);

function erf(x) {
  if (Math.abs(x) > 2.5) return Math.sign(x) * (1 - erfc(Math.abs(x)));
  let [total, term] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) total += term *= (2 * x * x) / (2 * n + 1);
  return (2 / ROOT_PI) * Math.exp(-x * x) * total;
}

function erfc(x) {
  if (!(x > 1.5)) return 1 - erf(x);
  if (x > 28) return 0;
  let fraction = x; // from below, the continued fraction of Laplace
  for (let n = 120; n > 0; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / (ROOT_PI * fraction);
}

function erfinv(y) {
  if (y < 0) return -erfinv(-y);
  if (!(y < 1)) return y === 1 ? Infinity : NaN;
  const l = Math.log1p(-y * y);
  const a = 2 / (Math.PI * 0.147) + l / 2;
  let x = Math.sqrt(Math.sqrt(a * a - l / 0.147) - a);
  for (let n = 0; n < 3; n++) {
    const step = ((1 - y - erfc(x)) * ROOT_PI * Math.exp(x * x)) / 2;
    x -= step / (1 + x * step);
  }
  return x;
}

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7,
];

function lgamma(x) {
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - lgamma(1 - x);
  const t = x + 6.5;
  const sum = LANCZOS.reduce((s, c, k) => (k ? s + c / (x - 1 + k) : c), 0);
  return Math.log(2 * Math.PI) / 2 + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

const BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510];

function digamma(x) {
  if (x <= 0) return x % 1 === 0 ? NaN : digamma(1 - x) - Math.PI / Math.tan(Math.PI * x);
  let total = 0;
  for (; x < 10; x++) total -= 1 / x;
  return BERNOULLI.reduce((s, b, k) => s - b / ((2 * k + 2) * x ** (2 * k + 2)),
    total + Math.log(x) - 0.5 / x);
}

// The n-th derivative of digamma, n > 0.
export function polygamma(x, n) {
  const sign = n % 2 ? 1 : -1;
  let factorial = 1;
  for (let k = 2; k <= n; k++) factorial *= k;
  let total = 0;
  for (; x < 12 + n; x++) total += factorial / x ** (n + 1);
  total += factorial / n / x ** n + factorial / 2 / x ** (n + 1);
  let rising = factorial * (n + 1); // (2k + n - 1)! / (2k)! times (2k)!
  let down = 2;
  BERNOULLI.forEach((b, k) => {
    total += (b * rising) / down / x ** (2 * k + 2 + n);
    rising *= (2 * k + 2 + n) * (2 * k + 3 + n);
    down *= (2 * k + 3) * (2 * k + 4);
  });
  return sign * total;
}

function bessel(x, order) {
  const a = Math.abs(x);
  const sign = x < 0 && order ? -1 : 1;
  if (a < 30) {
    let [total, term] = [0, order ? a / 2 : 1];
    for (let k = 1; term > 1e-17 * total; k++) {
      total += term;
      term *= (a * a) / 4 / (k * (k + order));
    }
    return sign * total;
  }
  let [total, term] = [1, 1];
  for (let k = 1; k < 20; k++) total += term *= -(4 * order * order - (2 * k - 1) ** 2) / (8 * a * k);
  return (sign * Math.exp(a) * total) / Math.sqrt(2 * Math.PI * a);
}

export const special = {
  erf,
  erfc,
  erfinv,
  lgamma,
  digamma,
  i0: (x) => bessel(x, 0),
  i1: (x) => bessel(x, 1),
};
