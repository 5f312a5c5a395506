/**
 * What every request of the harness may become, and what became of it: where clients and upstream are compared.
 */
import type { ScriptedConnection, ScriptedRequest } from './script.ts';

/** One request on the books. */
export interface Entry {
  readonly scripted: ScriptedRequest;
  /** Nothing of it may reach the upstream: it is refused, or stands behind one that ends its connection. */
  readonly forbidden: boolean;
  /** Whether its last byte was handed to the system. */
  sentWhole: boolean;
  /** How many times the upstream has seen its head, and all of it. */
  heads: number;
  wholes: number;
}

/** Something that must not happen. */
export interface Problem {
  /** The round that it belongs to, '' when nobody knows. */
  readonly label: string;
  readonly what: string;
}

export class Ledger {
  readonly problems: Problem[] = [];
  readonly #entries = new Map<string, Entry>();

  /** Puts the requests of a connection on the books, in the order in which they will be sent. */
  open({ requests }: ScriptedConnection): Entry[] {
    let isOver = false;
    return requests.map((scripted) => {
      const forbidden = isOver || scripted.kind === 'refused';
      isOver ||= scripted.kind !== 'valid' || !scripted.head!.keepAlive;
      const entry: Entry = { scripted, forbidden, sentWhole: false, heads: 0, wholes: 0 };
      this.#entries.set(scripted.name, entry);
      return entry;
    });
  }

  entry(name: string): Entry | undefined {
    return this.#entries.get(name);
  }

  /** Takes the requests of a connection off the books; whatever comes of them from now on is unknown. */
  close({ requests }: ScriptedConnection): void {
    for (const { name } of requests) this.#entries.delete(name);
  }

  problem(name: string, what: string): void {
    this.problems.push({ label: /^(r\d+)c/.exec(name)?.[1] ?? '', what: `${name}: ${what}` });
  }

  /** The problems of a round, which are then forgotten. */
  take(label: string): Problem[] {
    const taken = this.problems.filter((problem) => problem.label === label);
    const left = this.problems.filter((problem) => problem.label !== label);
    this.problems.splice(0, this.problems.length, ...left);
    return taken;
  }
}
