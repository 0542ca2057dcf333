import { at } from "../refusal.ts";

// Boundaries of a group-sequential test whose α is spent over planned looks (Lan and DeMets 1983, "Discrete Sequential
// Boundaries for Clinical Trials"). The product does not have the method: its sequential test needs no planned looks.

/** P(Z > z) and its inverse, as the caller has them. */
export interface Normal {
  survival: (z: number) => number;
  quantile: (p: number) => number;
}

/** α(t) of O'Brien and Fleming's kind: 4(1 − Φ(z/√t)), z the quantile of 1 − α/4. */
export function obrienFlemingSpending({ survival, quantile }: Normal, alpha: number): (t: number) => number {
  return (t) => 4 * survival(quantile(1 - alpha / 4) / Math.sqrt(t));
}

/** α(t) of Pocock's kind: α ln(1 + (e − 1)t). */
export function pocockSpending(alpha: number): (t: number) => number {
  return (t) => alpha * Math.log(1 + (Math.E - 1) * t);
}

/** Intervals of Simpson's rule: even. */
const INTERVALS = 400;
const NEWTON_STEPS = 12;

/**
 * The |z| at which each look stops. `looks`: their shares of the information, ascending to 1. By the recursion of
 * Armitage, McPherson and Rowe (1969): the score S = z√t is a random walk, and `density` that of S where no look
 * has stopped.
 */
export function boundaries({ survival, quantile }: Normal, looks: number[], spent: (t: number) => number): number[] {
  const first = at(looks, 0);
  const found = [quantile(1 - spent(first) / 2)];
  let density = (s: number): number => phi(s / Math.sqrt(first)) / Math.sqrt(first);
  for (let k = 1; k < looks.length; k++) {
    const [before, now] = [at(looks, k - 1), at(looks, k)];
    const nodes = simpson(density, at(found, k - 1) * Math.sqrt(before));
    const step = Math.sqrt(now - before);
    const over = (f: (x: number) => number, s: number): number =>
      nodes.reduce((sum, node) => sum + node.mass * f((s - node.s) / step), 0);
    const share = spent(now) - spent(before);
    // A little too far out: the boundary of a test whose only look this is.
    let s = quantile(1 - share / 2) * Math.sqrt(now);
    for (let i = 0; i < NEWTON_STEPS; i++) s += ((2 * over(survival, s) - share) * step) / (2 * over(phi, s));
    found.push(s / Math.sqrt(now));
    density = (x) => over(phi, x) / step;
  }
  return found;
}

/** What integrates over −reach to reach: points, with the density times the weight of Simpson's rule. */
function simpson(density: (s: number) => number, reach: number): { s: number; mass: number }[] {
  const h = (2 * reach) / INTERVALS;
  return Array.from({ length: INTERVALS + 1 }, (_, i) => {
    const s = i * h - reach;
    const weight = i === 0 || i === INTERVALS ? 1 : i % 2 === 1 ? 4 : 2;
    return { s, mass: ((weight * h) / 3) * density(s) };
  });
}

function phi(z: number): number {
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
}
