/**
 * Draws that simulations need: whole gaps between rare events instead of a throw for each request.
 */
import { Seeded } from '../../unit/routing/seeded.ts';

/** A seeded stream of draws. */
export class Draws {
  readonly seeded: Seeded;

  constructor(seed: number) {
    this.seeded = new Seeded(seed);
  }

  /** Uniform, above 0 and below 1. */
  uniform(): number {
    return (this.seeded.u32() + 0.5) / 2 ** 32;
  }

  /** Requests up to and with the next event of this probability. */
  gap(probability: number): number {
    return Math.floor(Math.log(this.uniform()) / Math.log1p(-probability)) + 1;
  }

  /** A Poisson number, by gaps of time; means up to some hundreds. */
  poisson(mean: number): number {
    let count = 0;
    let time = -Math.log(this.uniform());
    while (time < mean) {
      count += 1;
      time -= Math.log(this.uniform());
    }
    return count;
  }

  /** A standard normal number (Box and Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }
}

/** The middle one of the numbers. */
export function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)]!;
}

/** The largest share of alarms that this many trials may show when the true one is `share`: three standard deviations. */
export function atMost(share: number, trials: number): number {
  return share + 3 * Math.sqrt((share * (1 - share)) / trials);
}
